"""A master and workers in processes of their own, as their users meet them."""

import socket
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from picloud import errors
from picloud.remote import connected_session
from tests.support.processes import Place, open_gate, read_line, until
from tests.support.served import Served

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def wait_at(gate: str, answer: str) -> str:
    with open(gate) as reader:
        reader.read()
    return answer


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.mark.parametrize("token", ["wrong", "", "x" * 5000], ids=["wrong", "none", "long"])
def test_a_wrong_token_is_refused_with_a_remedy(served_cloud: Served, token: str) -> None:
    cloud = served_cloud.session(token)
    for verb in (lambda: cloud.call(abs, 1), lambda: cloud.result(1), lambda: cloud.status(1)):
        with pytest.raises(errors.AuthenticationError, match="PICLOUD_API_SECRETKEY") as caught:
            verb()
        assert served_cloud.url in str(caught.value)


def test_a_master_that_is_not_there_is_a_lost_connection_with_a_remedy() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    cloud = connected_session(url, "token")
    with pytest.raises(errors.ConnectionLost, match="is the master running") as caught:
        cloud.call(abs, 1)
    assert url in str(caught.value)
    assert not isinstance(caught.value, errors.AuthenticationError)
    cloud.close()


def test_a_server_that_is_no_master_is_a_lost_connection() -> None:
    command = [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([command[0], "-u", *command[1:]], **how) as server:  # type: ignore[call-overload]
        try:
            port = read_line(server.stdout).split("port ")[1].split()[0]
            cloud = connected_session(f"http://127.0.0.1:{port}", "token")
            with pytest.raises(errors.ConnectionLost, match="no PiCloud master"):
                cloud.call(abs, 1)
            cloud.close()
        finally:
            server.kill()


def test_a_name_that_does_not_resolve_is_a_lost_connection() -> None:
    cloud = connected_session("http://no-such-host.invalid:80", "token")
    with pytest.raises(errors.ConnectionLost, match=r"no-such-host\.invalid"):
        cloud.call(abs, 1)
    cloud.close()


def test_two_clients_work_at_once_and_see_one_account(served_cloud: Served) -> None:
    one, two = served_cloud.session(), served_cloud.session()
    jobs = [one.map(abs, range(-500, 0)), two.map(abs, range(-500, 0))]
    assert two.result(jobs[0], 30) == one.result(jobs[1], 30) == list(range(500, 0, -1))
    assert set(jobs[0]).isdisjoint(jobs[1])


def test_a_client_that_leaves_leaves_its_jobs_running(served_cloud: Served, gate: str) -> None:
    with served_cloud.session() as cloud:
        job = cloud.call(wait_at, gate, "for whoever asks")
    open_gate(gate)
    assert served_cloud.session().result(int(job), 20) == "for whoever asks"


def test_a_handle_outlives_its_session(served_cloud: Served) -> None:
    with served_cloud.session() as cloud:
        job = cloud.call(abs, -7)
    assert served_cloud.session().result(job, 20) == 7


def test_jobs_that_were_submitted_just_before_the_program_ended_run(
    served_cloud: Served, place: Place, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    program = f"""\
import picloud as cloud
def work(x):
    open({str(note)!r}, "a").write("x")
cloud.map(work, range(1_000))
for x in range(100):
    cloud.call(work, x)
"""
    assert place.output(place.script(program), env=served_cloud.environment()) == ""
    until(lambda: note.exists() and note.stat().st_size == 1_100, "all jobs have run")


def test_a_client_that_is_killed_harms_nobody(served_cloud: Served, place: Place) -> None:
    program = """\
import os, signal
import picloud as cloud
jobs = cloud.map(abs, range(10_000))
next(cloud.iresult(jobs))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert place.run(place.script(program), env=served_cloud.environment()).returncode == -9
    cloud = served_cloud.session()
    assert cloud.result(cloud.call(abs, -1), 30) == 1


def test_variables_select_the_master(served_cloud: Served, place: Place) -> None:
    program = "import picloud as cloud\nprint(cloud.result(cloud.call(pow, 2, 3)))\n"
    environment = served_cloud.environment()
    assert place.output("-c", program, env=environment) == "8\n"
    done = place.run("-c", program, env={**environment, "PICLOUD_API_SECRETKEY": "wrong"})
    assert done.returncode == 1
    assert "AuthenticationError" in done.stderr


def test_arguments_come_before_variables(served_cloud: Served, place: Place) -> None:
    connect = f"cloud.connect({served_cloud.url!r}, api_secretkey={served_cloud.token!r})"
    setkey = f"cloud.setkey('', {served_cloud.token!r}, {served_cloud.url!r})"
    environment = place.environment(
        PICLOUD_URL=f"http://127.0.0.1:{unused_port()}", PICLOUD_API_SECRETKEY="wrong"
    )
    for line in (connect, setkey):
        program = f"import picloud as cloud\n{line}\nprint(cloud.result(cloud.call(pow, 2, 3)))"
        assert place.output("-c", program, env=environment) == "8\n"


def test_the_configuration_file_selects_the_master(served_cloud: Served, place: Place) -> None:
    directory = place.work / "config" / "picloud"
    directory.mkdir(parents=True)
    file = directory / "config.toml"
    file.write_text(
        f"[picloud]\nurl = {served_cloud.url!r}\napi_secretkey = {served_cloud.token!r}\n"
    )
    environment = place.environment(XDG_CONFIG_HOME=str(directory.parent))
    program = "import picloud as cloud\nprint(cloud.result(cloud.call(pow, 2, 3)))"
    assert place.output("-c", program, env=environment) == "8\n"
    file.write_text("not [toml")
    done = place.run("-c", program, env=environment)
    assert str(file) in done.stderr


def test_a_worker_with_a_wrong_token_ends_and_says_why(served_cloud: Served, place: Place) -> None:
    environment = place.environment(PICLOUD_API_SECRETKEY="wrong")
    done = place.run("-m", "picloud_worker", served_cloud.url, env=environment)
    assert done.returncode == 1
    assert "refuses" in done.stderr


def test_a_worker_without_a_token_says_which_variable_to_set(place: Place) -> None:
    done = place.run("-m", "picloud_worker", "http://127.0.0.1:1")
    assert done.returncode == 2
    assert "PICLOUD_API_SECRETKEY" in done.stderr


def test_a_second_master_on_a_port_says_that_it_is_taken(
    served_cloud: Served, place: Place
) -> None:
    port = served_cloud.url.rpartition(":")[2]
    environment = place.environment(PICLOUD_API_SECRETKEY="x")
    done = place.run("-m", "picloud_master", "--port", port, env=environment)
    assert done.returncode == 1
    assert "cannot listen" in done.stderr


def test_rubbish_on_the_masters_port_harms_nobody(served_cloud: Served) -> None:
    host, port = "127.0.0.1", int(served_cloud.url.rpartition(":")[2])
    upgrade = (
        f"GET /client HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served_cloud.token}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    rubbish = b"\x82\xfe\xff\xff" + b"\x00" * 70_000
    for data in (
        b"\x00" * 1000,
        b"GET / HTTP/1.1\r\n\r\n",
        upgrade + rubbish,
        upgrade + b"\x88\x00",
    ):
        with socket.create_connection((host, port), 10) as sock:
            sock.sendall(data)
            sock.recv(100)
    cloud = served_cloud.session()
    assert cloud.result(cloud.call(abs, -3), 20) == 3


def test_a_module_of_the_user_travels(served_cloud: Served, place: Place) -> None:
    place.script("def square(x):\n    return x * x\n", "helper.py")
    program = "import picloud as cloud, helper\nprint(cloud.result(cloud.call(helper.square, 3)))\n"
    done = place.run(place.script(program), env=served_cloud.environment())
    assert done.stdout == "9\n"


def test_an_installed_module_that_the_worker_lacks_is_named(
    served_cloud: Served, place: Place
) -> None:
    place.script("def square(x):\n    return x * x\n", "site-packages/installed_helper.py")
    program = (
        "import sys; sys.path.append('site-packages')\n"
        "import picloud as cloud, installed_helper\n"
        "cloud.result(cloud.call(installed_helper.square, 3))\n"
    )
    done = place.run(place.script(program), env=served_cloud.environment())
    assert done.returncode == 1
    assert "has no module 'installed_helper'" in done.stderr
