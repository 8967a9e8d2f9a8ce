"""Where a master is reached."""

import pytest

from picloud.aio.addresses import master_url


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://master", "http://[::1]:9/below"])
def test_the_url_of_a_master_loses_nothing_but_its_last_slash(url: str) -> None:
    assert master_url(url) == master_url(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "master:8000",
        "ftp://master",
        "http://",
        "http://m:x",
        "http://m:0",
        "http://m?a",
    ],
)
def test_what_is_no_such_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https://host:port"):
        master_url(url)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="a text, not 8000"):
        master_url(8000)
