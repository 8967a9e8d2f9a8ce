"""The process's own session, the plain verbs, and what selects the master."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import picloud
from picloud import config, current, errors, inside
from picloud.nested import NestedSession
from picloud.protocol.ids import Fence, JobId
from tests.architecture.source import SRC
from tests.support.fake_master import FakeMaster
from tests.support.thread_worker import Attempt, ThreadLine, ThreadWorker

VARIABLES = (config.URL, config.API_KEY, config.API_SECRETKEY)


def double(x: Any) -> Any:
    return x * 2


@pytest.fixture(autouse=True)
def masters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Any]]:
    """Sessions are made with small masters here; the list tells for which targets."""
    made: list[Any] = []

    def make(target: config.Target | None) -> Any:
        made.append(target)
        session = FakeMaster().session()
        session.origin = target.url if target else object()
        return session

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(current, "_made", make)
    monkeypatch.setattr(current, "_chosen", None)
    picloud.close()
    yield made
    picloud.close()


def test_the_first_verb_makes_the_session_and_the_next_ones_use_it(masters: list[Any]) -> None:
    job = picloud.call(double, 1)
    assert picloud.result(job) == job.result() == 2
    assert picloud.result(picloud.map(double, [1, 2])) == [2, 4]
    assert masters == [None]


def test_every_plain_verb_is_that_of_the_session() -> None:
    job = picloud.options(label="x").call(double, 1)
    picloud.join(job)
    assert list(picloud.iresult([job])) == [2]
    assert list(picloud.as_completed([job])) == [job]
    assert picloud.status(job) == "done"
    assert picloud.info(job, "label") == {job: {"label": "x"}}
    assert picloud.why(job) == f"job {job} is held"
    assert picloud.executor().submit(double, 1).result() == 2
    picloud.kill(picloud.ALL)
    picloud.delete(job)
    with pytest.raises(picloud.AccessDenied):
        picloud.result(job)


async def test_every_plain_twin_is_that_of_the_session() -> None:
    job = await picloud.acall(double, 1)
    assert await job == await picloud.aresult(job) == 2
    assert await picloud.aresult(await picloud.amap(double, [1])) == [2]
    await picloud.ajoin(job)
    assert [each async for each in picloud.airesult([job])] == [2]
    assert [each async for each in picloud.aas_completed([job])] == [job]
    assert await picloud.astatus(job) == "done"
    assert await picloud.ainfo(job, "status") == {job: {"status": "done"}}
    assert await picloud.awhy(job)
    await picloud.akill(job)
    await picloud.adelete(job)
    assert await picloud.aclose() is True
    assert await picloud.aclose() is False


def test_after_close_the_next_verb_starts_anew(masters: list[Any]) -> None:
    job = picloud.call(double, 1)
    assert picloud.close() is True
    assert picloud.close() is False
    assert picloud.result(picloud.call(double, 4)) == 8
    assert masters == [None, None]
    # An embedded cloud forgets: the new one's job of that number is another job.
    with pytest.raises(errors.ConnectionLost, match="closed"):
        job.result()


async def test_a_session_whose_closing_is_refused_stays(masters: list[Any]) -> None:
    job = await picloud.acall(double, 1)
    with pytest.raises(RuntimeError, match="aclose"):
        picloud.close()
    assert await picloud.aresult(job) == 2
    assert len(masters) == 1
    await picloud.aclose()


def test_handles_outlive_the_connection_to_a_real_master(masters: list[Any]) -> None:
    picloud.connect("http://here:1")
    job = picloud.call(double, 1)
    picloud.close()
    picloud.call(double, 4)
    assert job.result() == 8  # the small master has forgotten; a real one has not
    assert [target.url for target in masters] == ["http://here:1"] * 2


def test_threads_share_the_session(masters: list[Any]) -> None:
    sessions: list[Any] = []
    threads = [
        threading.Thread(target=lambda: sessions.append(picloud.current_session()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, sessions))) == 1
    assert masters == [None]


def test_a_forked_child_starts_its_own() -> None:
    picloud.call(double, 1)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if picloud.result(picloud.call(double, 4)) == 8 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert picloud.result(picloud.call(double, 4)) == 8


# ---------------------------------------------------------------------- selection


def write_file(text: str) -> None:
    config.path().parent.mkdir()
    config.path().write_text(text)


def test_an_argument_comes_before_a_variable_and_that_before_the_file(
    masters: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file('[picloud]\nurl = "http://file:1"\napi_secretkey = "f"\n')
    picloud.call(double, 1)
    picloud.close()
    monkeypatch.setenv(config.URL, "http://variable:1")
    monkeypatch.setenv(config.API_SECRETKEY, "v")
    picloud.call(double, 1)
    picloud.close()
    picloud.connect("http://argument:1/", api_secretkey="a")
    picloud.call(double, 1)
    assert masters == [
        config.Target("http://file:1", "f"),
        config.Target("http://variable:1", "v"),
        config.Target("http://argument:1", "a"),
    ]


def test_setkey_selects_an_account_of_the_known_master(
    masters: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="no master is known"):
        picloud.setkey(7, "secret")
    monkeypatch.setenv(config.URL, "http://variable:1")
    picloud.setkey(7, "secret")
    picloud.setkey("8", "secret", "http://other:1")
    assert masters == [
        config.Target("http://variable:1", "7:secret"),
        config.Target("http://other:1", "8:secret"),
    ]


@pytest.mark.parametrize(
    "wrong",
    ["", "here", "here:80", "ftp://here", "http://", "http://h:x", "http://h:0", "http://h?a"],
)
def test_a_url_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="master"):
        picloud.connect(wrong)


@pytest.mark.parametrize("text", ["url =", "[picloud]\nurl = [1]", "\xff"])
def test_a_broken_file_is_named(text: str) -> None:
    config.path().parent.mkdir()
    config.path().write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"config\.toml"):
        picloud.call(double, 1)


def test_a_data_directory_is_not_available_yet() -> None:
    with pytest.raises(ValueError, match="not available yet"):
        picloud.embedded(data_dir="x")


# ---------------------------------------------------------------------- inside a job


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> ThreadLine:
    """Makes this thread one that runs a job."""
    line = ThreadLine()
    monkeypatch.setattr(inside, "line", line)
    begin_attempt(line, 1)
    return line


def begin_attempt(line: ThreadLine, number: int) -> None:
    line.begin(Attempt(ThreadWorker(line), JobId(number), Fence(1), number))


def test_inside_a_job_the_session_is_the_attempt_s(line: ThreadLine, masters: list[Any]) -> None:
    session = picloud.current_session()
    assert type(session) is NestedSession
    assert picloud.current_session() is session
    begin_attempt(line, 2)
    assert session.is_lost
    assert picloud.current_session() is not session
    assert masters == []


def test_a_job_may_choose_another_cloud_until_it_ends(line: ThreadLine, masters: list[Any]) -> None:
    session = picloud.connect("http://elsewhere:1")
    assert picloud.current_session() is session
    assert picloud.result(picloud.call(double, 2)) == 4
    assert picloud.close()
    assert type(picloud.current_session()) is NestedSession
    picloud.connect("http://elsewhere:1").close()
    begin_attempt(line, 2)
    assert type(picloud.current_session()) is NestedSession


def test_closing_the_cloud_that_runs_a_job_does_nothing(line: ThreadLine) -> None:
    picloud.current_session()
    assert not picloud.close()
    assert not picloud.current_session().is_lost


def test_it_is_the_same_session_afterwards(line: ThreadLine, masters: list[Any]) -> None:
    session = picloud.current_session()
    picloud.close()
    assert picloud.current_session() is session
    picloud.connect("http://elsewhere:1")
    assert picloud.current_session() is not session
    picloud.close()
    assert picloud.current_session() is session
    begin_attempt(line, 2)
    assert picloud.current_session() is not session


# ---------------------------------------------------------------------- the facade


def test_every_public_name_is_there() -> None:
    for name in picloud.__all__:
        assert getattr(picloud, name) is not None
        assert name in dir(picloud)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        picloud.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert picloud.finished_statuses == ["done", "stalled", "error", "killed"]


def test_no_module_bears_the_name_of_something_public() -> None:
    modules = {path.stem for path in (SRC / "picloud").iterdir()} - {"__init__"}
    assert modules & set(picloud.__all__) == set()


def test_importing_loads_nothing_more() -> None:
    program = (
        "import sys; a = set(sys.modules); import picloud; print(sorted(set(sys.modules) - a))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['picloud']"
