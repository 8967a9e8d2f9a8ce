"""Options of jobs: checked, and put into the words of the wire."""

from typing import Any

import pytest

from picloud.job_options import (
    MAX_ENV,
    MAX_ENV_VAR,
    MAX_ENV_VARS,
    NO_OPTIONS,
    JobOptions,
    check_timeout,
)
from picloud.session import Session
from tests.support.fake_master import FakeMaster


def test_the_defaults_are_picloud_s() -> None:
    spec = NO_OPTIONS.spec("f", "3.11")
    assert (spec.core_type, spec.cores, spec.priority, spec.restartable) == ("c1", 1, 5, True)
    assert (spec.timeout, spec.memory, spec.label, spec.os_env) == (0.0, 0, "", None)


def test_runtime_is_given_in_minutes_and_timeout_in_seconds() -> None:
    assert JobOptions(max_runtime=2).spec("f", "3.11").timeout == 120.0
    assert JobOptions(timeout=2).spec("f", "3.11").timeout == 2.0
    with pytest.raises(ValueError, match="one of them"):
        JobOptions(timeout=2, max_runtime=2)


@pytest.mark.parametrize(
    ("name", "item", "kind"),
    [
        ("type", "c9", ValueError),
        ("type", 1, TypeError),
        ("cores", 0, ValueError),
        ("cores", True, TypeError),
        ("cores", 1.0, TypeError),
        ("label", 3, TypeError),
        ("label", "x" * 2000, ValueError),
        ("priority", "5", TypeError),
        ("priority", -1, ValueError),
        ("restartable", 1, TypeError),
        ("kill_process", None, TypeError),
        ("timeout", 0, ValueError),
        ("timeout", True, TypeError),
        ("timeout", float("nan"), ValueError),
        ("timeout", 1.1e9, ValueError),
        ("timeout", 10**400, ValueError),
        ("max_runtime", "1", TypeError),
        ("max_runtime", 1e8, ValueError),
        ("max_runtime", 1e308, ValueError),
        ("max_runtime", 10**400, ValueError),
        ("label", "\ud800", ValueError),
        ("memory", 0, ValueError),
        ("retries", -1, ValueError),
        ("retries", 1.5, TypeError),
        ("retry_delay", -1, ValueError),
        ("retry_delay", "1", TypeError),
        ("retry_delay", float("nan"), ValueError),
        ("retry_delay", 1e10, ValueError),
        ("profile", 1, TypeError),
        ("memory", 1.5, TypeError),
        ("os_env_vars", "HOME", TypeError),
        ("os_env_vars", 3, TypeError),
        ("os_env_vars", {"A": 1}, TypeError),
        ("os_env_vars", {3: "x"}, TypeError),
        ("os_env_vars", {"A=B": "x"}, ValueError),
        ("os_env_vars", [3], TypeError),
        ("os_env_vars", {"A": "\ud800"}, ValueError),
        ("os_env_vars", {"\ud800": "x"}, ValueError),
        ("os_env_vars", {"A": "x" * MAX_ENV_VAR}, ValueError),
        ("os_env_vars", {"A": "\u20ac" * (MAX_ENV_VAR // 3)}, ValueError),
        ("os_env_vars", {f"A{n}": "x" * (MAX_ENV // 10) for n in range(10)}, ValueError),
        ("os_env_vars", {f"A{n}": "" for n in range(MAX_ENV_VARS + 1)}, ValueError),
    ],
)
def test_a_wrong_option_is_refused_at_once(name: str, item: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        JobOptions(**{name: item})


def test_environment_variables_are_copied_or_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICLOUD_TEST", "here")
    copied = JobOptions(os_env_vars=["PICLOUD_TEST", "PICLOUD_TEST_MISSING"])
    monkeypatch.setenv("PICLOUD_TEST", "later")
    assert copied.spec("f", "3.11").os_env == {"PICLOUD_TEST": "here"}
    assert JobOptions(os_env_vars={"B": "2", "A": ""}).spec("f", "3.11").os_env == {
        "A": "",
        "B": "2",
    }
    assert copied.changed({"cores": 2}).os_env_vars == copied.os_env_vars


def test_the_largest_environment_and_the_longest_time_can_be_sent(
    master: FakeMaster, session: Session
) -> None:
    full = {f"A{n}": "x" * (MAX_ENV_VAR - len(f"A{n}=") - 1) for n in range(8)}
    assert session.result(session.call(abs, -1, _os_env_vars=full, _timeout=1e9)) == 1
    many = {f"{n}": "\udc80" for n in range(MAX_ENV_VARS)}
    assert session.result(session.call(abs, -2, _os_env_vars=many, _label="\udc80")) == 2


def test_a_wait_of_more_than_a_lifetime_has_no_limit() -> None:
    assert check_timeout(10**400) is None
    assert check_timeout(1e300) is None
    assert check_timeout(float("inf")) is None
    assert check_timeout(1e9) == 1e9
    with pytest.raises(ValueError, match="at least 0"):
        check_timeout(-(10**400))


def test_retries_and_profile_are_said_in_the_spec() -> None:
    spec = NO_OPTIONS.changed({"retries": 2, "retry_delay": 3, "profile": True}).spec("f", "3.11")
    assert (spec.retries, spec.retry_delay, spec.profile) == (2, 3.0, True)


def test_a_job_may_be_tried_again_at_once() -> None:
    assert JobOptions(retries=1, retry_delay=0).spec("f", "3.11").retry_delay == 0.0
    with pytest.raises(ValueError, match="retry_delay is from 0 to"):
        JobOptions(retry_delay=-1)


def test_options_are_values() -> None:
    assert JobOptions(os_env_vars={"A": "1"}) == JobOptions(os_env_vars={"A": "1"})
    assert hash(JobOptions(cores=2)) == hash(JobOptions(cores=2))
    assert JobOptions(cores=2) != JobOptions(cores=3)


def test_who_names_the_workers_of_an_executor_is_told_where_to() -> None:
    with pytest.raises(TypeError, match=r"cloud\.embedded\(workers=2\)"):
        NO_OPTIONS.changed({"max_workers": 2})


def test_an_option_for_what_there_is_not_yet_says_so() -> None:
    with pytest.raises(TypeError, match=r"^vol is not available yet"):
        NO_OPTIONS.changed({"vol": "data"})
    with pytest.raises(TypeError, match="_vol is not available yet"):
        NO_OPTIONS.with_keywords({"_vol": "data"})


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(TypeError, match="no option coers; did you mean cores"):
        NO_OPTIONS.changed({"coers": 2})
    with pytest.raises(TypeError, match="no option _zzz; there are _type, _cores"):
        NO_OPTIONS.with_keywords({"_zzz": 2})


def test_keywords_are_split_into_options_and_arguments() -> None:
    options, rest = NO_OPTIONS.with_keywords({"_cores": 2, "x": 1})
    assert (options, rest) == (JobOptions(cores=2), {"x": 1})


def test_kept_options_are_values_too(session: Session) -> None:
    kept = session.options(cores=2, label="x")
    assert repr(kept) == "options(cores=2, label='x')"
    assert kept == session.options(label="x").options(cores=2)
    assert hash(kept) == hash(session.options(cores=2, label="x"))
    assert kept != session.options(cores=2)
    with pytest.raises(AttributeError):
        kept.cores = 3  # type: ignore[attr-defined]


def test_wrong_options_are_refused_before_anything_is_sent(
    master: FakeMaster, session: Session
) -> None:
    with pytest.raises(ValueError, match="cores is from 1"):
        session.call(abs, 1, _cores=0)
    with pytest.raises(TypeError, match="did you mean cores"):
        session.options(core=1)
    assert master.received == []
