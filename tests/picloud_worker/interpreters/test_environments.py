"""Environments on disk: built once, whole or not at all, and kept as long as somebody uses them."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from picloud.aio import installer
from picloud.protocol.environments import Environment, environment_of
from picloud_worker.core.events import BuildEnded
from picloud_worker.interpreters.environments import EnvironmentStore, whole
from tests.support.packages import MINE, a_wheel

MY_PYTHON = f"3.{MINE}"


class Bench:
    """A store, and what it has reported."""

    def __init__(self, root: Path, most_kept: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended: asyncio.Queue[BuildEnded] = asyncio.Queue()
        self.store = EnvironmentStore(root, self.ended.put_nowait, most_kept)
        self.store.attach(self.loop.call_soon_threadsafe)

    async def builds(self, environment: Environment) -> str:
        """Build; return the words of a failure."""
        self.store.build(environment)
        ended = await self.ended.get()
        assert ended.digest == environment.digest
        return ended.text


MakeBench = Callable[..., Bench]


@pytest.fixture
async def bench(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[MakeBench]:
    cache = tmp_path_factory.getbasetemp() / "uv"
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    made: list[Bench] = []

    def make(most_kept: int = 32) -> Bench:
        made.append(Bench(tmp_path / "environments", most_kept))
        return made[-1]

    yield make
    for each in made:
        each.store.close()


def of_gadget(directory: Path, version: str) -> Environment:
    wheel = a_wheel(directory, "gadget", version, f"VERSION = {version!r}\n")
    return environment_of(MY_PYTHON, wheel)


def names_in(root: Path) -> set[str]:
    """What there is but the files that are locked."""
    return {path.name for path in root.iterdir() if path.suffix not in (".lock", ".used")}


def version_in(place: Path, package: str = "gadget") -> str:
    program = f"import {package}; print({package}.VERSION)"
    command = [str(place / "bin" / "python"), "-I", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


async def test_what_is_built_is_found_by_its_digest(bench: MakeBench, tmp_path: Path) -> None:
    one = bench()
    environment = of_gadget(tmp_path, "1.0")
    assert await one.builds(environment) == ""
    place = one.store.place_of(environment.digest)
    assert version_in(place) == "1.0"
    (tmp_path / "gadget-1.0-py3-none-any.whl").unlink()  # so it cannot be built again
    assert await bench().builds(environment) == ""
    assert version_in(place) == "1.0"


async def test_it_has_what_an_interpreter_needs_and_the_users_choice_of_it(
    bench: MakeBench, tmp_path: Path
) -> None:
    one = bench()
    mine = a_wheel(tmp_path, "cloudpickle", "99.0", "VERSION = 'mine'\n")
    environment = environment_of(MY_PYTHON, mine)
    assert await one.builds(environment) == ""
    place = one.store.place_of(environment.digest)
    assert version_in(place, "cloudpickle") == "mine"
    assert list(place.glob("lib/*/site-packages/msgpack"))


async def test_two_stores_that_want_the_same_build_it_once(
    bench: MakeBench, tmp_path: Path
) -> None:
    environment = of_gadget(tmp_path, "1.0")
    stores = [bench() for _ in range(4)]
    assert await asyncio.gather(*(each.builds(environment) for each in stores)) == [""] * 4
    place = stores[0].store.place_of(environment.digest)
    assert names_in(place.parent) == {place.name}


async def test_a_build_that_fails_leaves_nothing_and_says_why(
    bench: MakeBench, tmp_path: Path
) -> None:
    one = bench()
    environment = of_gadget(tmp_path, "1.0")
    wheel = tmp_path / "gadget-1.0-py3-none-any.whl"
    wheel.rename(tmp_path / "elsewhere")
    text = await one.builds(environment)
    assert text.startswith("the environment was not built: error: ")
    assert "gadget-1.0-py3-none-any.whl" in text
    place = one.store.place_of(environment.digest)
    assert names_in(place.parent) == set()
    (tmp_path / "elsewhere").rename(wheel)
    assert await one.builds(environment) == ""


async def test_what_a_worker_that_was_killed_has_left_is_in_nobodys_way(
    bench: MakeBench, tmp_path: Path
) -> None:
    one = bench()
    environment, other = of_gadget(tmp_path, "1.0"), of_gadget(tmp_path, "2.0")
    for each in (environment, other):
        half = tmp_path / "environments" / f"aside-{whole(each).digest}" / "environment"
        half.mkdir(parents=True)
        (half / "left").write_text("")
    assert await one.builds(environment) == ""
    assert names_in(tmp_path / "environments") == {whole(environment).digest}


async def test_those_used_least_recently_make_room_unless_they_are_in_use(
    bench: MakeBench, tmp_path: Path
) -> None:
    one, other = bench(most_kept=1), bench(most_kept=1)
    first, second, third = (of_gadget(tmp_path, f"{number}.0") for number in (1, 2, 3))
    for number, each in enumerate((first, second)):
        assert await one.builds(each) == ""
        os.utime(one.store.place_of(each.digest), (number, number))

    def there() -> list[bool]:
        places = (tmp_path / "environments" / whole(each).digest for each in (first, second, third))
        return [place.exists() for place in places]

    assert there() == [True, True, False]  # both are in use
    one.store.release(first.digest)
    assert await other.builds(third) == ""
    assert there() == [False, True, True]
    assert await one.builds(first) == ""
    assert version_in(one.store.place_of(first.digest)) == "1.0"


async def test_a_python_that_is_not_there_is_named(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    text = await bench().builds(environment_of("3.98", ""))
    assert "3.98" in text


async def test_without_uv_the_remedy_is_named(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installer, "find_uv", lambda: None)
    text = await bench().builds(environment_of(MY_PYTHON, ""))
    assert "uv is not installed" in text
    assert "picloud[env]" in text


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "environments").write_text("a file")
    text = await Bench(tmp_path / "environments", 32).builds(environment_of(MY_PYTHON, ""))
    assert "there is no place for it" in text


async def test_what_ends_after_its_worker_is_no_news(tmp_path: Path) -> None:
    one = Bench(tmp_path / "environments", 32)
    one.store.close()
    one.store.build(environment_of(MY_PYTHON, ""))
    await asyncio.get_running_loop().run_in_executor(None, _join_builds)
    assert one.ended.empty()


def _join_builds() -> None:
    import threading

    for thread in threading.enumerate():
        if thread.name == "picloud build":
            thread.join(20)


async def test_whatever_goes_wrong_is_told_for_jobs_wait_for_it(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense() -> None:
        raise TypeError("nonsense")

    monkeypatch.setattr(installer, "find_uv", nonsense)
    text = await bench().builds(environment_of(MY_PYTHON, ""))
    assert text == "the environment was not built: TypeError: nonsense"
