"""What each message of the master means, by message type."""

from collections.abc import Callable
from typing import Any

from picloud.protocol.blob_messages import (
    BlobMissing,
    BlobPiece,
    BlobsKept,
    BlobsRefused,
    ReadBlob,
)
from picloud.protocol.definitions import DefineSpec, ForgetSpec
from picloud.protocol.environment_messages import DefineEnvironment, ForgetEnvironment
from picloud.protocol.errors import RemoteProtocolError
from picloud.protocol.tree_messages import DefineTree, ForgetTree, PutFiles
from picloud.protocol.worker_messages import (
    ReadOutput,
    RunJobs,
    StopAttempts,
    TakeBack,
    TellJob,
    WorkerAccepted,
)
from picloud_worker.core import arguments, environments, following, results
from picloud_worker.core.attempt import states
from picloud_worker.core.attempt.actor import Attempt
from picloud_worker.core.attempt.events import STOP_REQUESTED, TAKEN_BACK
from picloud_worker.core.attempt.states import Assigned, Sleeping, Storing
from picloud_worker.core.crew import Crew
from picloud_worker.core.effects import (
    FetchOutput,
    KeepFiles,
    MakeTree,
    RemoveTree,
    SendToInterpreter,
    ServePiece,
    TakePiece,
)
from picloud_worker.core.errors import UnfitOrderError
from picloud_worker.core.events import Output
from picloud_worker.core.specs import KnownSpec
from picloud_worker.pipe.messages import Discard


def take(crew: Crew, message: Any) -> None:
    """Carry out one message.

    Raises:
        UnfitOrderError: the master may not send this: there is no such spec or pool.
    """
    handler = _HANDLERS.get(type(message))
    if handler is None:
        raise UnfitOrderError(f"the master does not send {type(message).__name__}")
    handler(crew, message)


def _put_files(crew: Crew, message: PutFiles) -> None:
    crew.effects.append(KeepFiles(message.contents))


def _define_tree(crew: Crew, message: DefineTree) -> None:
    crew.trees.add(message.digest)
    crew.effects.append(MakeTree(message.digest, message.paths, message.digests))


def _forget_tree(crew: Crew, message: ForgetTree) -> None:
    crew.trees.discard(message.digest)
    crew.effects.append(RemoveTree(message.digest))


def _define(crew: Crew, message: DefineSpec) -> None:
    if message.tree not in crew.trees:
        raise UnfitOrderError(f"spec {message.number} names a tree that was not sent")
    environment = message.spec.environment
    if environment and environment not in crew.environments:
        raise UnfitOrderError(f"spec {message.number} names an environment that was not sent")
    try:
        crew.specs[message.number] = KnownSpec(message)
    except RemoteProtocolError as error:
        raise UnfitOrderError(f"spec {message.number} cannot be read: {error}") from error


def _forget(crew: Crew, message: ForgetSpec) -> None:
    crew.specs.pop(message.number, None)
    for interpreter in crew.interpreters.values():
        if message.number in interpreter.known_specs:
            interpreter.known_specs.remove(message.number)
            crew.effects.append(SendToInterpreter(interpreter.id, Discard(message.number)))


def _run(crew: Crew, message: RunJobs) -> None:
    spec = crew.specs.get(message.spec)
    inputs, leaders = message.inputs, message.leaders
    count = len(message.jids)
    are_whole = (
        len(message.payloads) == count
        and (inputs is None or len(inputs) == count)
        and (leaders is None or len(leaders) == count)
    )
    if spec is None or not are_whole:
        raise UnfitOrderError(f"jobs of spec {message.spec} cannot be run")
    pool = crew.pool_for(spec.spec.core_type)
    if pool is None or spec.spec.cores > pool.cores:
        raise UnfitOrderError(f"{spec.spec.cores} cores of type {spec.spec.core_type} are not here")
    fence, rank, priority = message.fence, message.rank, message.priority
    attempts = [
        Attempt(crew.next_sequence(), jid, fence, spec, payload, rank, priority)
        for jid, payload in zip(message.jids, message.payloads, strict=True)
    ]
    crew.attempts.update(zip(message.jids, attempts, strict=True))
    if inputs is not None:
        for attempt, frame in zip(attempts, inputs, strict=True):
            attempt.inputs = frame
    ready = attempts
    if leaders is not None:
        ready = following.without_followers(crew, attempts, leaders)
    if message.spilled or spec.blobs:
        arguments.need(crew, attempts)
        ready = [attempt for attempt in ready if type(attempt.state) is states.Waiting]
    if spec.key.environment:
        environments.need(crew, attempts)
        ready = [attempt for attempt in ready if type(attempt.state) is states.Waiting]
    pool.backlog.extend(ready)


def _stop(crew: Crew, message: StopAttempts) -> None:
    for jid, fence in zip(message.jids, message.fences, strict=False):
        attempt = crew.attempts.get(jid)
        # Unknown here: its end was reported and crosses this message.
        if attempt is not None and attempt.fence == fence:
            crew.tell_attempt(attempt, STOP_REQUESTED)


def _take_back(crew: Crew, message: TakeBack) -> None:
    crew.owed = message.count


def give_back_owed(crew: Crew) -> None:
    """Answer a `TakeBack` at the end of a turn, with what no interpreter was given.

    While attempts wait inside interpreters the answer waits too: if one of them runs long, its
    neighbours are recalled. An empty answer at once would only be followed by the same question.
    """
    if crew.owed is None:
        return
    left = crew.owed
    while left > 0 and (attempt := environments.pop_waiting(crew)) is not None:
        crew.tell_attempt(attempt, TAKEN_BACK)
        left -= 1
    for pool in crew.pools:
        while left > 0 and (attempt := pool.backlog.pop_last()) is not None:
            crew.tell_attempt(attempt, TAKEN_BACK)
            left -= 1
    if left < crew.owed or all(len(one.outstanding) < 2 for one in crew.interpreters.values()):
        crew.reports.take_back_heard()
        crew.owed = None


def _read_output(crew: Crew, message: ReadOutput) -> None:
    attempt = crew.attempts.get(message.jid)
    if attempt is None or attempt.fence != message.fence:
        return
    if isinstance(attempt.state, Assigned | Sleeping):
        crew.effects.append(FetchOutput(attempt.state.interpreter, attempt.sequence))
    elif type(attempt.state) is not Storing:  # it has ended, and the master has what it wrote
        crew.reports.output(attempt, Output())


def _tell(crew: Crew, message: TellJob) -> None:
    attempt = crew.attempts.get(message.jid)
    if attempt is None or attempt.fence != message.fence:
        return  # it has ended, which crosses this message
    state = attempt.state
    if isinstance(state, Assigned):
        if crew.dozing.get(state.interpreter) is attempt:
            del crew.dozing[state.interpreter]
        crew.tell_frames(crew.interpreters[state.interpreter], attempt, [message.frame])
    elif isinstance(state, Sleeping):
        attempt.converse().held.append(message.frame)
        crew.wake(crew.interpreters[state.interpreter])


def _read_blob(crew: Crew, message: ReadBlob) -> None:
    crew.effects.append(ServePiece(message))


def _take_piece(crew: Crew, message: BlobPiece | BlobMissing) -> None:
    crew.effects.append(TakePiece(message))


def _accepted(crew: Crew, message: WorkerAccepted) -> None:
    """The shell tells whoever waits for it; nothing follows from it here."""


_HANDLERS: dict[type, Callable[[Crew, Any], None]] = {
    PutFiles: _put_files,
    DefineTree: _define_tree,
    ForgetTree: _forget_tree,
    DefineEnvironment: environments.define,
    ForgetEnvironment: environments.forget,
    DefineSpec: _define,
    ForgetSpec: _forget,
    RunJobs: _run,
    StopAttempts: _stop,
    TakeBack: _take_back,
    TellJob: _tell,
    ReadOutput: _read_output,
    BlobsKept: results.kept,
    BlobsRefused: results.refused,
    ReadBlob: _read_blob,
    BlobPiece: _take_piece,
    BlobMissing: _take_piece,
    WorkerAccepted: _accepted,
}
