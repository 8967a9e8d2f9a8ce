"""A test of the tests: the code is broken on purpose, and the tests must find it.

Each bug is one that somebody could make: a check that was forgotten, a step in the wrong order.
"""

from pathlib import Path

import pytest

from tests.planted.planting import FAILED, ROOT, Bug, planted, run

MASTER = "picloud_master/core"
WORKER = "picloud_worker/core"
STEPS = "tests/picloud_master/core/job/test_transitions.py"
KERNEL = "tests/picloud_master/core"
AGENT = "tests/picloud_worker/core"
LIVES = "tests/simulation/test_scenarios.py"
CLUSTER = "tests/simulation/test_cluster.py"
PROGRAMS = "tests/simulation/test_programs.py"

BUGS = [
    Bug(
        name="a result counts whatever its fence is",
        file=f"{MASTER}/job/transitions.py",
        right="""\
    if event.fence != lease.fence:
        return Step(state)
    job.usage = event.usage
    done = Done(event.result, event.runtime, context.now, lease)
    return Step(done, Release(lease), ANNOUNCE)
""",
        wrong="""\
    job.usage = event.usage
    done = Done(event.result, event.runtime, context.now, lease)
    return Step(done, Release(lease), ANNOUNCE)
""",
        tests=STEPS,
    ),
    Bug(
        name="a failure counts whatever its fence is",
        file=f"{MASTER}/job/transitions.py",
        right="""\
    if event.fence != state.lease.fence:
        return Step(state)
    return _after_failure(job, state, event, context)
""",
        wrong="""\
    return _after_failure(job, state, event, context)
""",
        tests=STEPS,
    ),
    Bug(
        name="clients are told before it is on record",
        file="picloud_master/runtime/outbox.py",
        right="return type(effect) is SendToClient",
        wrong="return False",
        tests="tests/picloud_master/runtime/test_outbox.py",
    ),
    Bug(
        name="the master keeps the cores of a job that sleeps",
        file=f"{MASTER}/job/transitions.py",
        right="return Step(Waiting(state.lease, begun), Lend(state.lease))",
        wrong="return Step(Waiting(state.lease, begun))",
        tests=f"{KERNEL}/test_waiting.py",
    ),
    Bug(
        name="the master forgets that a job that woke has its cores back",
        file=f"{MASTER}/job/transitions.py",
        right="return Step(Running(state.lease, state.started), TakeCores(state.lease))",
        wrong="return Step(Running(state.lease, state.started))",
        tests=f"{KERNEL}/test_waiting.py",
    ),
    Bug(
        name="a worker keeps the cores of an attempt that sleeps",
        file=f"{WORKER}/pool.py",
        right="_LENDERS = frozenset({Lending, Woken})",
        wrong="_LENDERS = frozenset({Woken})",
        tests=f"{AGENT}/test_attempt_words.py",
    ),
    Bug(
        name="a sleeper goes on without cores",
        file=f"{WORKER}/pool.py",
        right="if interpreter.cores > self.free_cores():",
        wrong="if False:",
        tests=f"{AGENT}/test_attempt_words.py",
    ),
    Bug(
        name="a handle that was shown may close a cycle",
        file=f"{MASTER}/access.py",
        right="if not search.finds_it_from(wanted):",
        wrong="if True:",
        tests=PROGRAMS,
    ),
    Bug(
        name="capabilities are not checked",
        file=f"{MASTER}/access.py",
        right="if is_valid(registry.key, first, stop, capability, wholes):",
        wrong="if True:",
        tests=f"{KERNEL}/test_access.py",
    ),
    Bug(
        name="a job reaches what it does not hold",
        file=f"{MASTER}/registry.py",
        right="if type(session) is JobSession and jid not in session.holds:",
        wrong="if False:",
        tests=f"{KERNEL}/test_access.py",
    ),
    Bug(
        name="a job runs although what it depends on has failed",
        file=f"{MASTER}/dependencies.py",
        right="            if failed is not None and not prerequisites.ignore_errors:",
        wrong="            if False:",
        tests=PROGRAMS,
    ),
    Bug(
        name="stalling does not go on to the next one of a chain",
        file=f"{MASTER}/dependencies.py",
        right="for dependency, waiting in ended:",
        wrong="for dependency, waiting in list(ended):",
        tests=f"{KERNEL}/test_dependencies.py",
    ),
    Bug(
        name="a kill changes a final status",
        file=f"{MASTER}/job/transitions.py",
        right="_OVER = {**_LATE_REPORTS, KillRequested: late, DeleteRequested: deleted}",
        wrong="_OVER = {**_LATE_REPORTS, KillRequested: killed_unplaced, DeleteRequested: deleted}",
        tests=CLUSTER,
    ),
    Bug(
        name="a job may lose one more worker",
        file=f"{MASTER}/job/transitions.py",
        right="job.attempts - job.retried <= context.policy.max_restarts:",
        wrong="job.attempts - job.retried <= context.policy.max_restarts + 1:",
        tests=f"{LIVES}::test_a_worker_that_flaps_loses_a_job_four_times_and_then_it_ends",
    ),
    Bug(
        name="a job that must start only once starts again",
        file=f"{MASTER}/job/transitions.py",
        right="if job.spec.restartable and job.attempts",
        wrong="if job.attempts",
        tests=f"{LIVES}::test_a_job_that_must_start_only_once_ends_with_its_worker",
    ),
    Bug(
        name="nobody is recalled",
        file=f"{WORKER}/interpreter/transitions.py",
        right="return Step(Recalled(state.heard, now), SEND_RECALL)",
        wrong="return Step(Recalled(state.heard, now))",
        tests=f"{AGENT}/test_ticks.py",
    ),
    Bug(
        name="cores of attempts that ended stay leased",
        file=f"{MASTER}/kernel.py",
        right="    dependencies.settle(registry)\n    registry.release_leases()\n",
        wrong="    dependencies.settle(registry)\n",
        tests=PROGRAMS,
    ),
    Bug(
        name="two jobs may have one id",
        file=f"{MASTER}/client_submissions.py",
        right="if registry.used_jids.overlaps(first, stop):",
        wrong="if False:",
        tests=f"{KERNEL}/test_client_requests.py",
    ),
]


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_a_planted_bug_is_found(bug: Bug, tmp_path: Path) -> None:
    tried = run(bug.tests, planted(bug, tmp_path))
    assert tried.returncode == FAILED, tried.stdout + tried.stderr
    assert "from pytest-timeout" not in tried.stdout, "it hangs instead of being found"


def test_without_a_bug_the_same_tests_pass() -> None:
    every = " ".join(dict.fromkeys(bug.tests for bug in BUGS))
    tried = run(every, ROOT / "src")
    assert tried.returncode == 0, tried.stdout + tried.stderr
