"""What an import costs: a short program and a fresh interpreter load only what they need."""

import os
import subprocess
import sys

import pytest

from tests.architecture.source import SRC, modules

LIGHT = {
    "picloud": {
        "aiohttp",
        "asyncio",
        "cloudpickle",
        "msgpack",
        "picloud_master",
        "picloud_worker",
        "xxhash",
    },
    "picloud.protocol": {"aiohttp", "asyncio", "cloudpickle", "xxhash"},
    "picloud.blobs.store": {"aiohttp", "asyncio", "cloudpickle"},
    "picloud.blobs.fetcher": {"aiohttp", "asyncio", "cloudpickle", "xxhash"},
    "picloud.inside": {"asyncio", "cloudpickle", "msgpack", "xxhash"},
    "picloud.nested": {"aiohttp", "asyncio", "picloud_master", "picloud_worker", "xxhash"},
    "picloud.default_verbs": {"aiohttp", "asyncio", "picloud_master", "picloud_worker", "xxhash"},
    "picloud.session": {"picloud_master", "picloud_worker", "xxhash"},
    "picloud_worker.interpreter.loop": {"aiohttp", "asyncio", "picloud_master", "xxhash"},
    "picloud_master.__main__": {"cloudpickle", "picloud_worker"},
    "picloud_worker.__main__": {"picloud_master"},
}


def loaded_by(module: str) -> set[str]:
    """The top-level packages in memory after this import in a new process."""
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_light_modules_are_found() -> None:
    assert LIGHT.keys() & modules().keys()


@pytest.mark.parametrize("module", [name for name in LIGHT if name in modules()])
def test_importing_a_light_module_loads_nothing_heavy(module: str) -> None:
    assert loaded_by(module) & LIGHT[module] == set()
