"""Files of users' modules on a worker."""

import shutil
from pathlib import Path

import pytest

from picloud.protocol.trees import digest_of
from picloud_worker.interpreters.trees import TreeStore

ONE, TWO = b"x = 1", b"x = 2"
TREE, OTHER = digest_of(b"tree"), digest_of(b"other")


@pytest.fixture
def store(tmp_path: Path) -> TreeStore:
    return TreeStore(tmp_path)


def texts(store: TreeStore, digest: bytes) -> dict[str, bytes]:
    root = Path(store.path_of(digest))
    files = [file for file in root.rglob("*") if file.is_file()]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files}


def test_a_tree_is_made_of_contents_that_are_kept(store: TreeStore) -> None:
    store.put([ONE, TWO])
    store.make(TREE, ["a.py", "pack/b.py"], [digest_of(ONE), digest_of(TWO)])
    assert texts(store, TREE) == {"a.py": ONE, "pack/b.py": TWO}


def test_trees_share_contents_and_one_goes_without_the_other(store: TreeStore) -> None:
    store.put([ONE])
    for tree in (TREE, OTHER):
        store.make(tree, ["a.py"], [digest_of(ONE)])
    store.remove(TREE)
    assert texts(store, OTHER) == {"a.py": ONE}
    assert not Path(store.path_of(TREE)).exists()


def test_contents_that_no_tree_has_go(store: TreeStore, tmp_path: Path) -> None:
    store.put([ONE])
    store.make(TREE, ["a.py"], [digest_of(ONE)])
    store.remove(TREE)
    assert list((tmp_path / "files").iterdir()) == []


def test_contents_that_somebody_else_has_removed_are_no_trouble(
    store: TreeStore, tmp_path: Path
) -> None:
    store.put([ONE])
    store.make(TREE, ["a.py"], [digest_of(ONE)])
    shutil.rmtree(tmp_path / "files")
    store.remove(TREE)
    assert not Path(store.path_of(TREE)).exists()


def test_a_tree_whose_contents_did_not_come_cannot_be_used(store: TreeStore) -> None:
    store.make(TREE, ["a.py"], [digest_of(ONE)])
    with pytest.raises(OSError, match="No such file"):
        store.path_of(TREE)


def test_no_path_leads_out_of_a_tree(store: TreeStore, tmp_path: Path) -> None:
    store.put([ONE])
    for path in ("../a.py", "/a.py", "a/../../b.py", ""):
        with pytest.raises(ValueError, match="leads out"):
            store.make(TREE, [path], [digest_of(ONE)])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["files", "trees"]


def test_files_of_a_tree_are_read_only(store: TreeStore) -> None:
    store.put([ONE])
    store.make(TREE, ["a.py"], [digest_of(ONE)])
    assert Path(store.path_of(TREE), "a.py").stat().st_mode & 0o777 == 0o444


def test_a_tree_that_cannot_be_removed_is_told_in_the_log(
    store: TreeStore, caplog: pytest.LogCaptureFixture
) -> None:
    place = Path(store.path_of(TREE))
    place.write_bytes(b"not a directory")
    store.remove(TREE)
    assert str(place) in caplog.text


def test_a_tree_that_is_gone_already_is_not_worth_a_word(
    store: TreeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.remove(TREE)
    assert caplog.text == ""
