"""Packages that a test makes itself, and Pythons that this machine has beside the one that runs."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

MINORS = range(11, 15)
MINE = sys.version_info.minor


def a_wheel(directory: Path, name: str, version: str, source: str, requires: str = "") -> str:
    """Make a wheel of one module; return what requires just this file."""
    path = directory / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if requires:
        metadata += f"Requires-Dist: {requires}\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", source)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"{name} @ {path.as_uri()}"


def other_python() -> str | None:
    """A Python of another minor version that can run this project; None if there is none here."""
    for minor in MINORS:
        if minor != MINE:
            for found in _candidates(f"python3.{minor}"):
                if _runs(found, minor):
                    return found
    return None


def _candidates(name: str) -> Iterator[str]:
    on_path = shutil.which(name)
    if on_path is not None:
        yield on_path
    # Installed side by side, each in a directory of its own, as version managers do it.
    for place in sorted(Path(sys.base_prefix).parent.glob(f"*/bin/{name}")):
        yield str(place)


def _runs(python: str, minor: int) -> bool:
    command = [python, "-c", f"import sys, venv; sys.exit(sys.version_info.minor != {minor})"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


SLOW_BACKEND = """
import os

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    info = os.path.join(directory, "slow-1.0.dist-info")
    os.mkdir(info)
    with open(os.path.join(info, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: slow\\nVersion: 1.0\\n")
    with open(os.path.join(info, "WHEEL"), "w") as file:
        file.write("Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return "slow-1.0.dist-info"

def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open(GATE) as gate:
        gate.read()
    raise SystemExit("slow has taken its time, and failed")
"""


def a_slow_package(directory: Path, gate: str) -> str:
    """A source package whose build waits at a gate, and fails then; return what requires it."""
    place = directory / "slow"
    place.mkdir()
    (place / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "1.0"\n'
    )
    (place / "backend.py").write_text(f"GATE = {gate!r}\n{SLOW_BACKEND}")
    return f"slow @ {place.as_uri()}"
