"""Large parts of values, from a user's thread to the store and back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import picloud
from picloud import errors
from picloud.protocol import limits
from picloud.protocol.blob_messages import OfferBlobs, WithdrawBlobs
from picloud.protocol.client_messages import SubmitJobs
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.payloads import is_spilled
from picloud.session import Session
from picloud.submissions import MAX_LARGE_SPECS
from tests.support.fake_master import FakeMaster

LARGE = limits.SPILL_FROM


def large(letter: bytes = b"x") -> bytes:
    return letter * LARGE


def order(master: FakeMaster, *kinds: type) -> list[str]:
    return [type(each).__name__ for each in master.received if isinstance(each, kinds)]


def test_a_large_argument_is_offered_first_and_withdrawn_when_its_job_is_submitted(
    master: FakeMaster, session: Session
) -> None:
    assert session.result(session.call(len, large())) == LARGE
    session.status(1)
    kinds = order(master, OfferBlobs, SubmitJobs, WithdrawBlobs)
    assert kinds == ["OfferBlobs", "SubmitJobs", "WithdrawBlobs"]
    [submitted] = master.told(SubmitJobs)
    assert submitted.spilled
    assert len(submitted.payloads[0]) < 1000


def test_a_small_argument_is_not(master: FakeMaster, session: Session) -> None:
    session.result(session.call(len, b"small"))
    assert not master.told(OfferBlobs)
    assert not master.told(SubmitJobs)[0].spilled


def test_an_argument_is_copied_at_submission(master: FakeMaster, session: Session) -> None:
    array = np.zeros(LARGE)
    job = session.call(np.sum, array, _label="held")
    array[:] = 1
    master.release()
    assert session.result(job) == 0


def test_one_object_in_a_list_is_offered_once(master: FakeMaster, session: Session) -> None:
    array = np.ones(LARGE // 8)
    assert session.result(session.map(np.sum, [array] * 20)) == [LARGE // 8] * 20
    assert [len(offer.keys) for offer in master.told(OfferBlobs)] == [1]


def test_items_of_a_generator_are_looked_at_each_time(master: FakeMaster, session: Session) -> None:
    array = np.zeros(LARGE // 8)

    def changing() -> Iterator[Any]:
        for n in range(3):
            array[0] = n
            yield array

    assert session.result(session.map(np.sum, changing())) == [0, 1, 2]


def test_equal_contents_are_one_blob(master: FakeMaster, session: Session) -> None:
    session.result(session.map(len, [bytes([120]) * LARGE, large()]))
    assert [len(offer.keys) for offer in master.told(OfferBlobs)] == [1]


def test_many_large_items_are_sent_in_pieces_with_few_open_files(
    master: FakeMaster, session: Session
) -> None:
    items = [n.to_bytes(2, "little") * (LARGE // 2) for n in range(150)]
    assert session.result(session.map(len, items)) == [LARGE] * 150
    assert max(len(offer.keys) for offer in master.told(OfferBlobs)) <= 64


def test_a_function_that_has_captured_something_large_is_sent_once(
    master: FakeMaster, session: Session
) -> None:
    data = large()
    assert session.result(session.map(lambda n: data[n], range(10))) == [120] * 10
    [defined] = master.told(DefineSpec)
    assert is_spilled(defined.code)
    assert not master.told(SubmitJobs)[0].spilled


def test_few_functions_that_have_captured_something_large_are_remembered(
    master: FakeMaster, session: Session
) -> None:
    def capturing(letter: bytes) -> Any:
        data = large(letter)
        return lambda: data[0]

    for letter in b"abcdefgh":
        assert session.result(session.call(capturing(bytes([letter])))) == letter
    assert len(master.told(ForgetSpec)) == 8 - MAX_LARGE_SPECS
    assert session.result(session.call(capturing(b"a"))) == ord("a")


def test_a_master_without_room_is_an_error_of_the_call_and_nothing_is_submitted(
    master: FakeMaster, session: Session
) -> None:
    master.refusal = "this account has used up its 1 GB"
    with pytest.raises(picloud.StorageFull, match="used up its 1 GB"):
        session.call(len, large())
    with pytest.raises(picloud.StorageFull, match="used up its 1 GB"):
        session.map(len, [b"small", large()])
    assert not master.told(SubmitJobs)
    master.refusal = ""
    assert session.result(session.call(len, large())) == LARGE


def test_a_lost_master_is_an_error_of_a_call_that_waits_for_it(
    master: FakeMaster, session: Session
) -> None:
    session.result(session.call(len, b""))
    master.lose()
    with pytest.raises(errors.ConnectionLost):
        session.call(len, large())


def test_a_large_result_comes_back_writable(master: FakeMaster, session: Session) -> None:
    array = session.result(session.call(np.zeros, LARGE))
    array += 1
    assert array.sum() == LARGE


def test_many_large_results_come_back(master: FakeMaster, session: Session) -> None:
    jobs = session.map(lambda n: np.full(LARGE // 8, n), range(5))
    assert [int(each[0]) for each in session.result(jobs)] == [0, 1, 2, 3, 4]
    assert [int(each[0]) for each in session.iresult(jobs)] == [0, 1, 2, 3, 4]


def test_a_future_has_a_large_result(master: FakeMaster, session: Session) -> None:
    assert len(session.call(bytes, LARGE).future().result(10)) == LARGE


def test_a_result_whose_blob_is_gone_is_an_error_that_says_so(
    master: FakeMaster, session: Session
) -> None:
    job = session.call(np.zeros, LARGE)
    session.join(job)
    result = master.jobs[job].outcome
    assert isinstance(result, bytes)
    assert master.client is not None
    from picloud.protocol.payloads import blobs_of

    for key in blobs_of(result):
        master.client.exchange.store().remove(key)
    with pytest.raises(errors.ResultError, match="was deleted"):
        session.result(job)
