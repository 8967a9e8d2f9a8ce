"""What a call would send, looked at before it is made."""

import threading
from pathlib import Path
from typing import Any

import pytest

from picloud.inspection import Inspection, Part
from picloud.protocol.client_messages import SubmitJobs
from picloud.session import Session
from tests.support.fake_master import FakeMaster


class Client:
    def __init__(self) -> None:
        self._lock = threading.Lock()


def captures(item: Any) -> Any:
    return lambda x: (item, x)


def lines(inspection: Inspection, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is printed, line by line; the object shows the same."""
    printed = capsys.readouterr().out
    assert printed == f"{inspection}\n"
    return printed.splitlines()


def test_function_captures_and_arguments_have_sizes(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    found = session.inspect(captures(b"x" * 5000), [1, 2])
    sizes = {part.place.strip(): part.size for part in found.values}
    assert sizes["the function"] > sizes[".__closure__[0]"] > 5000
    assert 0 < sizes["args[0]"] < 100
    assert found.size >= sizes["the function"] + sizes["args[0]"]
    assert any(".__closure__[0]" in line and "5.0 kB" in line for line in lines(found, capsys))


def test_large_parts_are_marked(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    found = session.inspect(len, bytes(2 << 20))
    assert "args[0]" in lines(found, capsys)[3]
    assert str(found).count("(large)") == 1


def test_own_modules_are_listed_with_their_reasons(
    session: Session,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "seen_one.py").write_text("import seen_two\ndef f(): pass\n")
    (tmp_path / "seen_two.py").write_text("x = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("seen_one")
    assert session.inspect(module.f).modules == [
        Part("seen_one.py", 30, "named by the call"),
        Part("seen_two.py", 5, "imported by seen_one"),
    ]
    assert [
        part.place for part in session.inspect(module.f, _transfer_modules="seen_one").modules
    ] == ["seen_one.py"]
    assert session.inspect(module.f, _transfer_modules=False).modules == []


def test_of_functions_of_modules_it_is_said_how_an_edit_reaches_the_job(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "seen_made.py").write_text(
        "X = 1\ndef make(n): return lambda: n + X\nmade = make([])\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("seen_made")
    [by_name, argument] = session.inspect(module.make, 1).values
    assert by_name.reason == "what runs: found by its name in seen_made"
    assert argument.place == "args[0]", "nothing that it names travels"
    found = session.inspect(captures(module.made), 1)
    reasons = {part.place.strip(): part.reason for part in found.values}
    assert "an edit counts once that is reloaded" in reasons[".__closure__[0]"]
    assert found.size < sum(part.size or 0 for part in found.values)


@pytest.mark.parametrize("module", [5, None, ["x"], "nowhere"])
def test_functions_whose_module_is_odd_are_no_riddle(session: Session, module: Any) -> None:
    def odd(x: int) -> int:
        return x

    odd.__module__ = module
    assert session.inspect(odd, 1).values[0].reason.startswith("what runs")


def test_what_cannot_travel_is_listed_with_its_place(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    found = session.inspect(captures(Client()), Client())
    places = [text.partition(":")[0] for text in found.refused]
    assert places == ["<lambda>.__closure__[0]._lock", "args[0]._lock"]
    assert "cannot travel" in "".join(lines(found, capsys))
    assert repr(found).endswith("2 refused>")


def test_handles_of_another_cloud_are_refused_as_a_call_would(session: Session) -> None:
    other = FakeMaster().session()
    try:
        job = other.call(len, [])
        session.join(session.call(len, []))  # from here on it knows of which cloud it is
        (text,) = session.inspect(len, [job]).refused
        assert text.startswith(f"job {job} is of another cloud session: use the verbs of that one")
        assert session.inspect(captures(job)).refused == [text]
        assert session.inspect(len, [session.call(len, [])]).refused == []
    finally:
        other.close()


def test_nothing_is_sent(master: FakeMaster, session: Session) -> None:
    session.inspect(len, [])
    assert not session.is_lost
    assert master.told(SubmitJobs) == []


def test_wrong_arguments_are_refused_as_a_call_would(session: Session) -> None:
    with pytest.raises(TypeError, match="callable"):
        session.inspect(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="argument"):
        session.inspect(captures(1))
    with pytest.raises(TypeError, match="transfer_modules is True, False or a list of names"):
        session.inspect(len, [], _transfer_modules=[1])
