"""What clients hear of the Pythons of workers; their other requests are in test_environments."""

from picloud.protocol.client_messages import JidsReserved
from picloud.protocol.environment_messages import EnvironmentsBuilding, PythonsOffered
from picloud_master.core import reasons
from picloud_master.core.reasons import reason_for, text_of
from tests.support.builders import Master


def test_a_client_hears_of_pythons_before_it_may_submit() -> None:
    master = Master()
    master.worker(python="3.12")
    client = master.client()
    said = [type(one) for one in client.heard(object)]
    assert said == [PythonsOffered, JidsReserved]
    assert client.heard(PythonsOffered) == [PythonsOffered(["3.12"])]


def test_and_whenever_they_change() -> None:
    master = Master()
    client = master.client()
    assert client.heard(PythonsOffered) == []
    first = master.worker(python="3.12")
    master.worker(python="3.12")
    master.worker(python="3.11")
    master.hears(first.lost())
    assert client.heard(PythonsOffered) == [
        PythonsOffered(["3.12"]),
        PythonsOffered(["3.11", "3.12"]),
    ]


def test_a_job_of_a_python_that_no_worker_has_waits_for_one_that_has_and_says_so() -> None:
    master = Master()
    other = master.worker(python="3.12")
    client = master.client()
    (jid,) = client.submits()
    reason = reason_for(master.registry, master.job(jid))
    assert reason == reasons.NoWorkerHasPython("3.11", ["3.12"])
    assert text_of(reason, 0.0) == "is queued: no worker runs Python 3.11, only 3.12"
    (second,) = client.submits(python="3.12")
    assert other.jids() == [second]
    worker = master.worker()
    assert worker.jids() == [jid]


def test_a_job_at_a_worker_that_builds_its_environment_says_so() -> None:
    master = Master()
    worker = master.worker()
    client = master.client()
    (jid,) = client.submits()
    master.job(jid).submission.spec.spec.environment = "digest"
    worker.says(EnvironmentsBuilding(["digest"]))
    reason = reason_for(master.registry, master.job(jid))
    assert reason == reasons.EnvironmentBeingBuilt("worker 1 (node)")
    assert text_of(reason, 0.0) == "is queued at worker 1 (node), which builds its environment"
    worker.says(EnvironmentsBuilding([]))
    assert isinstance(reason_for(master.registry, master.job(jid)), reasons.AtWorker)
