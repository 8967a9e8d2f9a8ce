"""Which master a program uses: from arguments, environment variables, or the configuration file.

The file is `config.toml` in the directory `picloud` where the platform keeps configuration, with a
table `[picloud]` that may hold `url`, `api_key` and `api_secretkey`.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picloud.aio.addresses import master_url

URL = "PICLOUD_URL"
API_KEY = "PICLOUD_API_KEY"
API_SECRETKEY = "PICLOUD_API_SECRETKEY"


@dataclass(frozen=True)
class Target:
    """A master, and the token shown to it."""

    url: str
    token: str


def default_target() -> Target | None:
    """The master that variables or the file select; None for an embedded cloud.

    Raises:
        ValueError: they select one in a way that makes no sense.
    """
    url = os.environ.get(URL) or _from_file("url")
    return None if url is None else target_of(url, None, None)


def target_of(url: str | None, api_key: str | None, api_secretkey: str | None) -> Target:
    """Fill in what is not given from variables, then from the file.

    Raises:
        ValueError: there is no URL, or it is no http(s)://host:port.
    """
    url = url or os.environ.get(URL) or _from_file("url")
    if url is None:
        raise ValueError(f"no master is known: give its URL, or set {URL}, or url in {path()}")
    key = api_key or os.environ.get(API_KEY) or _from_file("api_key") or ""
    secret = api_secretkey or os.environ.get(API_SECRETKEY) or _from_file("api_secretkey") or ""
    return Target(master_url(url), f"{key}:{secret}" if key else secret)


def path() -> Path:
    """Where the configuration file is, if there is one."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "picloud" / "config.toml"


def _from_file(name: str) -> str | None:
    file = path()
    if not file.exists():
        return None
    import tomllib

    try:
        table: Any = tomllib.loads(file.read_text(encoding="utf-8")).get("picloud", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error
    item = table.get(name) if isinstance(table, dict) else None
    if item is not None and not isinstance(item, str | int):
        raise ValueError(f"{name} in {file} must be a text")
    return None if item is None else str(item)
