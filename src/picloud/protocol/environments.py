"""What packages a job's interpreter starts with: an environment, known by its lock.

A lock names every package with its exact version, one a line, as `uv pip compile` prints it. Two
environments of the same lock and the same Python are one.
"""

import re
from hashlib import blake2b

from picloud.protocol import limits
from picloud.statemachine import value

_DIGEST_SIZE = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")


@value
class Environment:
    """A lock, and the Python that it is for.

    Attributes:
        digest: of both, as hexadecimal digits.
        python: the minor version, such as "3.12".
        lock: lines of requirements, sorted.
    """

    digest: str
    python: str
    lock: str


def environment_of(python: str, lock: str) -> Environment:
    """Make an environment of a lock; the order of its lines, and comments, make no difference."""
    lines = sorted({line.strip() for line in lock.splitlines()})
    text = "".join(f"{line}\n" for line in lines if line and not line.startswith("#"))
    content = f"{python}\n{text}".encode("utf-8", "surrogatepass")
    return Environment(blake2b(content, digest_size=_DIGEST_SIZE).hexdigest(), python, text)


def is_environment_name(name: str) -> bool:
    """True for letters, digits, dots, dashes and underscores; the first is a letter or a digit."""
    return len(name) <= limits.MAX_ENVIRONMENT_NAME and bool(_NAME.fullmatch(name))


def is_python(version: str) -> bool:
    """True for a minor version of Python 3, such as "3.12"."""
    return bool(_PYTHON.fullmatch(version))
