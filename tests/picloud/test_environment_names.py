"""What a session knows of environments and of Pythons, and what it refuses for that."""

import pytest

from picloud import errors
from picloud.environment_names import MY_PYTHON
from picloud.protocol.environment_messages import (
    AskEnvironment,
    EnvironmentChanged,
    PythonsOffered,
)
from picloud.session import Session
from tests.support.fake_master import FakeMaster
from tests.support.processes import until


def hears(master: FakeMaster, session: Session, message: object) -> None:
    """The master says this, and the session's engine has taken it."""
    thread = master.thread
    assert thread is not None
    thread.post(master.say, message)
    session.status(session.call(abs, 1))  # an answer that comes after it


def test_a_name_is_asked_for_once(master: FakeMaster, session: Session) -> None:
    master.environments = {"x": ("one", MY_PYTHON)}
    jobs = [session.call(abs, -1, _env="x") for _ in range(3)]
    session.result([*jobs, session.map(abs, [-1], _env="x")])
    assert len(master.told(AskEnvironment)) == 1
    assert {job.spec.environment for job in master.jobs.values()} == {"one"}


def test_and_again_when_it_has_changed(master: FakeMaster, session: Session) -> None:
    master.environments = {"x": ("one", MY_PYTHON)}
    session.call(abs, -1, _env="x")
    master.environments = {"x": ("two", MY_PYTHON)}
    hears(master, session, EnvironmentChanged("x"))
    session.result(session.call(abs, -1, _env="x"))
    environments = [job.spec.environment for job in master.jobs.values()]
    assert environments == ["one", "", "two"]


def test_one_that_is_not_there_is_an_error_of_the_call(
    master: FakeMaster, session: Session
) -> None:
    with pytest.raises(errors.EnvironmentUnavailable, match="there is no 'x'") as caught:
        session.call(abs, -1, _env="x")
    assert caught.value.jid is None
    assert master.jobs == {}


def test_so_is_one_for_another_python(master: FakeMaster, session: Session) -> None:
    master.environments = {"x": ("one", "3.98")}
    with pytest.raises(errors.EnvironmentUnavailable, match=r"is for Python 3\.98") as caught:
        session.call(abs, -1, _env="x")
    assert MY_PYTHON in (caught.value.hint or "")


def test_a_python_that_no_worker_has_is_refused_with_the_remedy(
    master: FakeMaster, session: Session
) -> None:
    session.call(abs, 0)
    hears(master, session, PythonsOffered(["3.97", "3.98"]))
    with pytest.raises(errors.EnvironmentUnavailable, match=r"Python 3\.97 and 3\.98") as caught:
        session.call(len, "")
    assert f'python="{MY_PYTHON}"' in (caught.value.hint or "")
    with pytest.raises(errors.EnvironmentUnavailable):
        session.map(len, [""])
    master.environments = {"x": ("one", MY_PYTHON)}
    assert session.result(session.call(len, "ab", _env="x")) == 2
    hears_only(master, PythonsOffered(["3.98", MY_PYTHON]), session)
    assert session.result(session.call(len, "ab")) == 2


def hears_only(master: FakeMaster, message: PythonsOffered, session: Session) -> None:
    assert master.thread is not None
    master.thread.post(master.say, message)
    client = session._client
    assert client is not None
    until(lambda: client.environments.pythons == message.pythons, "it is heard")


@pytest.mark.parametrize("verb", ["call", "map"])
def test_so_it_is_at_the_first_call_and_at_the_next(master: FakeMaster, verb: str) -> None:
    master.pythons = ["3.98"]
    session = master.session()
    try:
        for _ in range(2):
            with pytest.raises(errors.EnvironmentUnavailable):
                session.call(abs, 1) if verb == "call" else session.map(abs, [1])
        assert master.jobs == {}
    finally:
        session.close()
