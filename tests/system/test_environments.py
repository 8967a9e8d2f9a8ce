"""Jobs in environments that uv builds: the user's packages, and no others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

import picloud
from picloud import errors
from picloud.aio.installer import find_uv
from picloud.local import embedded_session
from picloud.session import Session
from tests.support.packages import MINE, a_slow_package, a_wheel, other_python
from tests.support.processes import Place, open_gate, until
from tests.support.served import Served

cloudpickle.register_pickle_by_value(sys.modules[__name__])

PYTHON = f"3.{MINE}"


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("uv")))
        yield


def version() -> str:
    import gadget  # type: ignore[import-not-found]  # a package of the environment

    found: str = gadget.VERSION
    return found


def has_module(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None


def create(cloud: Session, directory: Path, name: str, number: str) -> None:
    """An environment with this version of the package `gadget`."""
    wheel = a_wheel(directory, "gadget", number, f"VERSION = {number!r}\n")
    cloud.env.create(name, requirements=[wheel])


def test_two_versions_of_a_package_are_used_at_once(cloud: Session, tmp_path: Path) -> None:
    create(cloud, tmp_path, "old", "1.0")
    create(cloud, tmp_path, "new", "2.0")
    jobs = [cloud.call(version, _env=name) for name in ("old", "new", "old")]
    assert cloud.result(jobs) == ["1.0", "2.0", "1.0"]
    assert cloud.result(cloud.map(lambda _: version(), range(20), _env="new")) == ["2.0"] * 20
    assert cloud.result(cloud.options(env="old").call(version)) == "1.0"


def test_a_job_without_an_environment_has_the_packages_of_its_worker(
    cloud: Session, tmp_path: Path
) -> None:
    create(cloud, tmp_path, "mine", "1.0")
    assert cloud.result(cloud.call(has_module, "gadget", _env="mine"))
    assert not cloud.result(cloud.call(has_module, "gadget"))
    assert cloud.result(cloud.call(has_module, "pytest"))


def test_an_environment_has_the_packages_asked_for_and_no_others(cloud: Session) -> None:
    cloud.env.create("bare")
    ours = ["cloudpickle", "msgpack", "xxhash", "picloud", "picloud_worker"]
    others = ["pytest", "aiohttp", "numpy"]
    found = cloud.result(cloud.map(has_module, ours + others, _env="bare"))
    assert found == [True] * len(ours) + [False] * len(others)


def test_requirements_bring_what_they_require(cloud: Session, tmp_path: Path) -> None:
    inner = a_wheel(tmp_path, "gadget", "3.1", "VERSION = '3.1'\n")
    outer = a_wheel(tmp_path, "machine", "1.0", "import gadget\n", inner)
    cloud.env.create("nested", requirements=[outer])
    packages = [line.partition(" ")[0] for line in cloud.env.info("nested")["packages"]]
    assert packages == ["gadget", "machine"]
    assert cloud.result(cloud.call(version, _env="nested")) == "3.1"


def test_a_program_of_the_job_finds_the_environment_too(cloud: Session, tmp_path: Path) -> None:
    create(cloud, tmp_path, "shell", "1.5")

    def ask() -> str:
        command = ["python", "-c", "import gadget; print(gadget.VERSION)"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert cloud.result(cloud.call(ask, _env="shell")) == "1.5"


def test_large_values_reach_it_and_come_back(cloud: Session, tmp_path: Path) -> None:
    create(cloud, tmp_path, "large", "1.0")
    data = os.urandom(3 << 20)
    assert cloud.result(cloud.call(lambda data: data[::-1], data, _env="large")) == data[::-1]


def test_jobs_of_a_job_run_in_its_environment(cloud: Session, tmp_path: Path) -> None:
    create(cloud, tmp_path, "parent", "4.0")
    create(cloud, tmp_path, "other", "5.0")

    def both() -> list[str]:
        inherited = picloud.call(version)
        chosen = picloud.call(version, _env="other")
        return [picloud.result(inherited), picloud.result(chosen)]

    assert cloud.result(cloud.call(both, _env="parent")) == ["4.0", "5.0"]


def test_a_name_that_means_something_else_is_used_at_the_next_call(
    cloud: Session, tmp_path: Path
) -> None:
    create(cloud, tmp_path, "moving", "1.0")
    before = cloud.call(version, _env="moving")
    create(cloud, tmp_path, "moving", "2.0")
    after = cloud.call(version, _env="moving")
    assert cloud.result([before, after]) == ["1.0", "2.0"]


def test_environments_are_listed_shown_and_deleted(cloud: Session, tmp_path: Path) -> None:
    create(cloud, tmp_path, "shown", "1.0")
    assert "shown" in cloud.env.list()
    info = cloud.env.info("shown")
    assert info["name"] == "shown"
    assert info["python"] == PYTHON
    assert [line.partition(" ")[0] for line in info["packages"]] == ["gadget"]
    job = cloud.call(version, _env="shown")
    cloud.env.delete("shown")
    assert "shown" not in cloud.env.list()
    assert cloud.result(job) == "1.0"
    for use in (
        lambda: cloud.call(version, _env="shown"),
        lambda: cloud.map(abs, [1], _env="shown"),
        lambda: cloud.executor(env="shown").submit(version),
        lambda: cloud.env.info("shown"),
        lambda: cloud.env.delete("shown"),
    ):
        with pytest.raises(errors.EnvironmentUnavailable, match="no environment 'shown'"):
            use()


async def test_the_twins_do_the_same(cloud: Session, tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path, "gadget", "6.0", "VERSION = '6.0'\n")
    await cloud.env.acreate("twin", requirements=[wheel])
    assert "twin" in await cloud.env.alist()
    assert (await cloud.env.ainfo("twin"))["name"] == "twin"
    assert await (await cloud.acall(version, _env="twin")) == "6.0"
    await cloud.env.adelete("twin")
    with pytest.raises(errors.EnvironmentUnavailable):
        await cloud.acall(version, _env="twin")


def test_requirements_that_cannot_be_met_are_refused_in_uvs_words(
    cloud: Session, tmp_path: Path
) -> None:
    outer = a_wheel(tmp_path, "outer", "1.0", "", "gadget==9; python_version < '3'")
    inner = a_wheel(tmp_path, "gadget", "1.0", "")
    create(cloud, tmp_path, "kept", "1.0")
    with pytest.raises(errors.EnvironmentUnavailable, match="No solution found") as caught:
        cloud.env.create("kept", requirements=[outer, inner, "gadget==2.0"])
    assert "requirements are unsatisfiable" in str(caught.value)
    assert cloud.result(cloud.call(version, _env="kept")) == "1.0"


def test_a_build_that_fails_is_the_jobs_error_and_others_go_on(
    cloud: Session, tmp_path: Path
) -> None:
    create(cloud, tmp_path, "broken", "7.0")
    Path(tmp_path, "gadget-7.0-py3-none-any.whl").unlink()
    job = cloud.call(version, _env="broken")
    others = cloud.map(abs, range(-20, 0))
    with pytest.raises(errors.EnvironmentNotBuilt, match=r"gadget-7\.0") as caught:
        cloud.result(job)
    assert isinstance(caught.value, errors.JobError)
    assert isinstance(caught.value, errors.EnvironmentUnavailable)
    assert cloud.status(job) == "error"
    assert cloud.result(others) == list(range(20, 0, -1))


def test_while_it_is_built_jobs_say_so_can_be_killed_and_others_go_on(
    cloud: Session, tmp_path: Path, gate: str
) -> None:
    cloud.env.create("slow", requirements=[a_slow_package(tmp_path, gate)])
    jobs = [cloud.call(abs, 1, _env="slow") for _ in range(2)]
    until(lambda: "builds its environment" in cloud.why(jobs[0]), "it is being built")
    assert cloud.result(cloud.map(abs, range(-20, 0)), 20) == list(range(20, 0, -1))
    cloud.kill(jobs[1])
    assert cloud.status(jobs) == ["queued", "killed"]
    open_gate(gate)
    with pytest.raises(errors.EnvironmentNotBuilt, match="has taken its time, and failed"):
        cloud.result(jobs[0], 20)


def test_a_program_that_ends_amid_a_build_leaves_nothing_behind(place: Place, gate: str) -> None:
    slow = a_slow_package(place.work, gate)
    program = place.script(
        "import picloud as cloud\n"
        f"cloud.env.create('slow', requirements=[{slow!r}])\n"
        "job = cloud.call(abs, 1, _env='slow')\n"
        "while 'builds its environment' not in cloud.why(job):\n    pass\n"
        "print(cloud.why(job))\n"
    )
    env = place.environment(UV_CACHE_DIR=os.environ["UV_CACHE_DIR"])
    assert "which builds its environment" in place.output(program, env=env)


def test_a_package_that_no_interpreter_can_start_with_ends_its_jobs_only(
    cloud: Session, tmp_path: Path
) -> None:
    broken = a_wheel(tmp_path, "cloudpickle", "99.0", "raise ImportError('not this one')\n")
    cloud.env.create("broken-pickle", requirements=[broken])
    with pytest.raises(errors.JobError):
        cloud.result(cloud.call(abs, 1, _env="broken-pickle"), 30)
    assert cloud.result(cloud.call(abs, -2)) == 2


def test_a_program_may_create_an_environment_again_and_again(place: Place) -> None:
    wheel = a_wheel(place.work, "gadget", "1.0", "VERSION = '1.0'\n")
    program = place.script(
        "import picloud as cloud\n"
        f"cloud.env.create('mine', requirements=[{wheel!r}])\n"
        "def f():\n    import gadget\n    return gadget.__file__\n"
        "print(cloud.result(cloud.call(f, _env='mine')))\n"
        "print(cloud.result(cloud.call(lambda: 'mine', _env='mine')))\n"
    )
    env = place.environment(UV_CACHE_DIR=os.environ["UV_CACHE_DIR"])
    first = place.output(program, env=env)
    assert "environments" in first
    assert first.endswith("\nmine\n")
    assert place.output(program, env=env) == first


# ------------------------------------------------------------------ other Pythons


def venv_of(python: str, place: Path) -> str:
    """A virtual environment for clients under another Python."""
    uv = find_uv()
    assert uv is not None
    program = place / "bin" / "python"
    for command in (
        ["venv", "--python", python, str(place)],
        [
            "pip",
            "install",
            "--python",
            str(program),
            "aiohttp",
            "cloudpickle",
            "msgpack",
            "xxhash",
            "uv",
        ],
    ):
        subprocess.run([uv, *command], check=True, capture_output=True)
    return str(program)


CLIENT = """
import sys
import picloud as cloud
from picloud import errors

def f():
    import gadget
    return gadget.VERSION, "%d.%d" % sys.version_info[:2]

for submit in (lambda: cloud.call(f), lambda: cloud.map(abs, [1]), lambda: cloud.call(f)):
    try:
        submit()
    except errors.EnvironmentUnavailable as error:
        print(type(error).__name__, error)
cloud.env.create("other", requirements=[sys.argv[1]])
print(*cloud.result(cloud.call(f, _env="other")))
print(cloud.result(cloud.map(lambda x: x + 1, range(3), _env="other")))
"""


def test_a_client_of_another_python_is_refused_and_runs_in_an_environment(
    tmp_path: Path,
) -> None:
    python = other_python()
    if python is None:
        check_refusal_of_another_python()
        return
    served = Served(tmp_path)
    try:
        directory = str(Path(python).parent)
        path = os.pathsep.join([directory, os.environ.get("PATH", os.defpath)])
        served.variables.update(PATH=path, UV_CACHE_DIR=os.environ["UV_CACHE_DIR"])
        served.start_master()
        served.start_worker()
        client = venv_of(python, tmp_path / "client")
        wheel = a_wheel(tmp_path, "gadget", "8.0", "VERSION = '8.0'\n")
        (tmp_path / "program").mkdir()
        place = Place(tmp_path / "program")  # of its own: what it leaves behind is ended with it
        env = place.environment(
            PICLOUD_URL=served.url,
            PICLOUD_API_SECRETKEY=served.token,
            UV_CACHE_DIR=os.environ["UV_CACHE_DIR"],
        )
        done = place.run(client, place.script(CLIENT), wheel, env=env)
        assert done.returncode == 0, done.stderr
        minor = Path(python).name.removeprefix("python")
        lines = done.stdout.splitlines()
        assert lines[-2:] == [f"8.0 {minor}", "[1, 2, 3]"]
        told = [line for line in lines if line.startswith("EnvironmentUnavailable")]
        assert len(told) == 3
        assert f"runs Python {minor}" in told[0]
        assert f"run Python {PYTHON}" in told[0]
        assert any("_env=" in line for line in lines)
        check_a_session_of_this_python(served.session())
    finally:
        served.close()


def check_a_session_of_this_python(session: Session) -> None:
    """It cannot use what a client of another Python has created."""
    assert session.env.list() == ["other"]
    with pytest.raises(errors.EnvironmentUnavailable, match="is for Python"):
        session.call(version, _env="other")
    assert session.result(session.call(abs, -1)) == 1


def check_refusal_of_another_python() -> None:
    """What can be seen on a machine with one Python."""
    with embedded_session(1) as session:
        session.env.create("other", python=f"3.{MINE + 1}")
        with pytest.raises(errors.EnvironmentUnavailable, match="is for Python"):
            session.call(version, _env="other")


# ------------------------------------------------------------------ bad input


BAD: list[tuple[type[Exception], tuple[Any, ...], dict[str, Any]]] = [
    *((TypeError, (name,), {}) for name in (None, 1, 1.5, b"x", ["x"], object, True, {})),
    *(
        (ValueError, (name,), {})
        for name in (
            *("", " ", "a b", "a/b", "/a", "a/", "../a", "..", ".a", "-a", "_a", "a\\b", "a\n"),
            *("\0", "a\0", "ü", "a:b", "a@b", "a,b", "a;b", "a'b", 'a"b', "a*", "a?", "x" * 101),
        )
    ),
    *(
        (TypeError, ("x", item), {})
        for item in ("numpy", b"numpy", 1, None, [1], [None], [b"x"], ["a", 2], [["a"]], object)
    ),
    *(
        (ValueError, ("x", [item]), {})
        for item in ("", " ", "\n", "a\nb", "-r file", "--index-url x", "-e .", "# a", "  -e .")
    ),
    *(
        (TypeError, ("x", []), {"python": item})
        for item in (3.12, 3, (3, 12), b"3.12", ["3.12"], True, object, {})
    ),
    *(
        (ValueError, ("x", []), {"python": item})
        for item in (
            *("2.7", "abc", "", "3", "3.", "3.12.1", "3.x", "4.0", "python3.12", ">=3.12", "3.123"),
            *(" 3.12", "3.12 ", "3.12\n", "-3.12", "3,12", "03.12", "3.12rc1", "cp312"),
        )
    ),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_what_makes_no_sense_is_refused_before_anything_is_sent(number: int) -> None:
    expected, arguments, keywords = BAD[number]
    session = embedded_session(1)
    with pytest.raises(expected):
        session.env.create(*arguments, **keywords)
    assert session._client is None
    session.close()


@pytest.mark.parametrize("name", [1, b"x", ["x"], 1.5, True, "", "a/b", "a b", "..", "x" * 101])
def test_a_name_that_is_none_is_refused_wherever_it_is_given(name: Any) -> None:
    session = embedded_session(1)
    expected = ValueError if isinstance(name, str) else TypeError
    for use in (
        lambda: session.call(abs, 1, _env=name),
        lambda: session.map(abs, [1], _env=name),
        lambda: session.options(env=name),
        lambda: session.env.info(name),
        lambda: session.env.delete(name),
    ):
        with pytest.raises(expected):
            use()
    assert session._client is None
    session.close()
