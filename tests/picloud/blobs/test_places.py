"""Where stores are, and what is cleared away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from picloud.blobs import places
from picloud.blobs.places import OwnerStores, make_own_directory, make_store


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process finds memory, instead of what all others use."""
    made = tmp_path / "memory"
    made.mkdir()
    monkeypatch.setattr(places, "MEMORY", made)
    return made


def a_dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def names(place: Path) -> list[str]:
    return sorted(each.name.rpartition("-")[0] for each in place.iterdir())


def test_a_store_is_in_memory_and_on_disk_under_the_name_of_its_process(
    tmp_path: Path, memory: Path
) -> None:
    store = make_store([tmp_path / "state"])
    here = places._where_pids_count()
    assert names(memory) == [f"picloud-{os.getuid()}-{here}-{os.getpid()}"]
    assert names(tmp_path / "state") == [f"blobs-{here}-{os.getpid()}"]
    for each in map(Path, store.directories):
        assert each.stat().st_mode & 0o777 == 0o700
    store.delete()
    assert names(memory) == names(tmp_path / "state") == []


def test_each_store_is_empty(tmp_path: Path, memory: Path) -> None:
    first, second = make_store([tmp_path]), make_store([tmp_path])
    with_key = first.put(b"content")
    assert first.has(with_key.key)
    assert not second.has(with_key.key)


def test_it_may_be_on_disk_alone(tmp_path: Path, memory: Path) -> None:
    store = make_store([tmp_path / "state"], in_memory=False)
    assert len(store.directories) == 1
    assert names(memory) == []


@pytest.mark.parametrize("least", [1 << 62, None], ids=["too little memory", "no memory at all"])
def test_where_there_is_no_memory_it_is_on_disk(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch, least: int | None
) -> None:
    if least is None:
        monkeypatch.setattr(places, "MEMORY", tmp_path / "nowhere")
    else:
        monkeypatch.setattr(places, "LEAST_MEMORY", least)
    assert len(make_store([tmp_path / "state"]).directories) == 1


def test_what_dead_processes_have_left_is_cleared_away(tmp_path: Path, memory: Path) -> None:
    here = places._where_pids_count()
    dead, mine = a_dead_process(), f"picloud-{os.getuid()}-{here}"
    other = f"picloud-{os.getuid() + 1}-{here}-{dead}-x"
    living = f"{mine}-{os.getppid()}-x"
    for name in (f"{mine}-{dead}-x", f"{mine}-strange-x", other, living):
        (memory / name / "new").mkdir(parents=True)
    make_store([tmp_path / "state"]).delete()
    assert sorted(each.name for each in memory.iterdir()) == sorted([living, other])


def test_what_processes_of_another_machine_have_there_stays(tmp_path: Path) -> None:
    there = tmp_path / f"kind-{'0' * 8}-{a_dead_process()}-x"
    there.mkdir()
    make_own_directory("kind", [tmp_path])
    assert there.exists()


def test_the_best_place_that_can_be_written_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    made = make_own_directory("kind", [tmp_path / "file", tmp_path / "good", tmp_path / "other"])
    assert made.parent == tmp_path / "good"
    with pytest.raises(OSError, match="file"):
        make_own_directory("kind", [tmp_path / "file"])


def test_each_owner_has_a_store_of_his_own_whatever_he_is_called(tmp_path: Path) -> None:
    base = make_store([tmp_path], in_memory=False)
    stores = OwnerStores(base)
    owners = ["ann", "../..", "/", "", "\udcff", "new"]
    keys = [stores.of(owner).put(repr(owner).encode()).key for owner in owners]
    for owner, key in zip(owners, keys, strict=True):
        assert [one for one in keys if stores.of(owner).has(one)] == [key]
    base.delete()
    assert list(tmp_path.iterdir()) == []
