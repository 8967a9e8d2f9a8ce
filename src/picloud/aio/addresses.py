"""Where a master is reached."""

from urllib.parse import urlsplit


def master_url(url: object) -> str:
    """Check the URL of a master, and return it without a slash at its end.

    Raises:
        TypeError: it is no text.
        ValueError: it is no such URL.
    """
    if not isinstance(url, str):
        raise TypeError(f"the URL of a master is a text, not {url!r:.80}")
    parts = urlsplit(url)
    try:
        is_good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or parts.query or parts.fragment:
        raise ValueError(f"the URL of a master looks like https://host:port, not {url!r:.200}")
    return url.rstrip("/")
