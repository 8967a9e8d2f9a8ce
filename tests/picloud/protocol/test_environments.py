"""What makes two environments the same, and what may name one."""

import pytest

from picloud.protocol.environments import environment_of, is_environment_name, is_python


def test_the_order_of_lines_and_comments_make_no_difference() -> None:
    one = environment_of("3.12", "b==2\na==1\n")
    other = environment_of("3.12", "# by uv\na==1\n\n  b==2  \na==1\n")
    assert one == other
    assert one.lock == "a==1\nb==2\n"


def test_another_python_or_version_is_another_environment() -> None:
    digests = {
        environment_of("3.12", "a==1").digest,
        environment_of("3.11", "a==1").digest,
        environment_of("3.12", "a==2").digest,
        environment_of("3.12", "").digest,
    }
    assert len(digests) == 4


@pytest.mark.parametrize("name", ["a", "A1", "my-env", "my.env_2", "9", "x" * 100])
def test_a_name_has_letters_digits_and_a_few_signs(name: str) -> None:
    assert is_environment_name(name)


@pytest.mark.parametrize("name", ["", ".", "-a", "a/b", "a b", "a\n", "ä", "x" * 101])
def test_anything_else_is_no_name(name: str) -> None:
    assert not is_environment_name(name)


def test_a_python_is_named_by_its_minor_version() -> None:
    assert is_python("3.9")
    assert is_python("3.12")
    assert not any(map(is_python, ["3", "2.7", "3.12.1", "3.12\n", "", "3.x", "3.123"]))
