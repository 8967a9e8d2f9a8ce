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
