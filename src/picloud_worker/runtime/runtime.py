"""The agent's shell: events to the core, its effects to the world, and the tick while work runs."""

import asyncio
from collections.abc import Callable
from typing import Any

from picloud.aio.driver import Driver
from picloud.blobs.store import BlobStore
from picloud_worker.core import settings
from picloud_worker.core.agent import Agent
from picloud_worker.core.effects import (
    BuildEnvironment,
    Effect,
    FetchBlob,
    FetchOutput,
    KeepFiles,
    KillInterpreter,
    MakeTree,
    PinBlobs,
    RecallInterpreter,
    ReleaseEnvironment,
    RemoveBlob,
    RemoveTree,
    RevokeInterpreter,
    SendToInterpreter,
    SendToMaster,
    ServePiece,
    StartInterpreter,
    TakePiece,
    TellAttempt,
    UnpinBlobs,
)
from picloud_worker.core.events import Event, Output, OutputFetched, Ticked
from picloud_worker.runtime.node_blobs import NodeBlobs
from picloud_worker.runtime.ports import InterpreterProcesses, Uplink

_TICKS_PER_TRIM = 20
_TICKS_PER_LOOK = 400


class Runtime:
    """Drives one `Agent`.

    Args:
        agent: decides.
        interpreters: the processes.
        uplink: the connection to the master.
        stores: where the blobs of an owner are, made when it is first asked for.
        fail: called once with the error if the core cannot go on.
        keep_awake: called whenever something has happened to jobs.
    """

    def __init__(
        self,
        agent: Agent,
        interpreters: InterpreterProcesses,
        uplink: Uplink,
        stores: Callable[[str], BlobStore],
        fail: Callable[[BaseException], None],
        keep_awake: Callable[[], None],
    ) -> None:
        self._agent = agent
        self._keep_awake = keep_awake
        self._interpreters = interpreters
        self._uplink = uplink
        self._loop = asyncio.get_running_loop()
        self._driver: Driver[Event] = Driver(self._turn, fail)
        self._tick_timer: asyncio.TimerHandle | None = None
        self._ticks = 0
        self._blobs = NodeBlobs(stores, uplink.enqueue, self.post)

    def post(self, event: Event) -> None:
        """Hand over an event."""
        self._driver.post(event)

    def stop(self) -> None:
        """No more ticks."""
        if self._tick_timer is not None:
            self._tick_timer.cancel()

    def _turn(self, events: list[Event]) -> None:
        effects = self._agent.handle(self._loop.time(), *events)
        frames: dict[int, list[object]] = {}
        words: dict[int, list[object]] = {}
        for effect in effects:
            if type(effect) is SendToInterpreter:
                frames.setdefault(effect.interpreter, []).append(effect.message)
            elif type(effect) is TellAttempt:
                words.setdefault(effect.interpreter, []).append(effect.message)
            else:
                _PERFORM[type(effect)](self, effect)
        for interpreter, messages in frames.items():
            self._interpreters.send(interpreter, messages)
        for interpreter, messages in words.items():
            self._interpreters.tell(interpreter, messages)
        self._uplink.flush()
        if effects:
            self._keep_awake()
        if self._tick_timer is None and self._agent.busy_interpreters():
            self._tick_timer = self._loop.call_later(settings.TICK, self._tick)

    def _tick(self) -> None:
        self._tick_timer = None
        self._ticks += 1
        if self._ticks % _TICKS_PER_TRIM == 0:
            self._interpreters.trim_outputs()
        if self._ticks % _TICKS_PER_LOOK == 0 and not self._agent.crew.shares_store:
            self._blobs.look()
        busy = self._agent.busy_interpreters()
        self.post(Ticked({one: self._interpreters.running(one) for one in busy}))

    # ------------------------------------------------------------------ effects

    def _send_to_master(self, effect: SendToMaster) -> None:
        self._uplink.enqueue(effect.message)

    def _start(self, effect: StartInterpreter) -> None:
        store = self._blobs.store_of(effect.owner)
        self._interpreters.start_interpreter(
            effect.interpreter, effect.tree, store, effect.environment
        )

    def _keep_files(self, effect: KeepFiles) -> None:
        self._interpreters.trees.put(effect.contents)

    def _make_tree(self, effect: MakeTree) -> None:
        self._interpreters.trees.make(effect.digest, effect.paths, effect.digests)

    def _remove_tree(self, effect: RemoveTree) -> None:
        self._interpreters.trees.remove(effect.digest)

    def _recall(self, effect: RecallInterpreter) -> None:
        self._interpreters.recall(effect.interpreter)

    def _revoke(self, effect: RevokeInterpreter) -> None:
        self._interpreters.revoke(effect.interpreter)

    def _kill(self, effect: KillInterpreter) -> None:
        self._interpreters.kill(effect.interpreter)

    def _fetch_output(self, effect: FetchOutput) -> None:
        runs = self._interpreters.running(effect.interpreter) == effect.sequence
        output = self._interpreters.output(effect.interpreter) if runs else Output()
        self.post(OutputFetched(effect.interpreter, effect.sequence, output))

    def _fetch_blob(self, effect: FetchBlob) -> None:
        self._blobs.fetch(effect.owner, effect.key)

    def _remove_blob(self, effect: RemoveBlob) -> None:
        self._blobs.remove(effect.owner, effect.key)

    def _pin_blobs(self, effect: PinBlobs) -> None:
        self._blobs.pin(effect.owner, effect.keys)

    def _unpin_blobs(self, effect: UnpinBlobs) -> None:
        self._blobs.unpin(effect.owner, effect.keys)

    def _serve_piece(self, effect: ServePiece) -> None:
        self._blobs.serve(effect.question)

    def _take_piece(self, effect: TakePiece) -> None:
        self._blobs.take(effect.answer)


def _build(runtime: Runtime, effect: BuildEnvironment) -> None:
    runtime._interpreters.environments.build(effect.environment)


def _release(runtime: Runtime, effect: ReleaseEnvironment) -> None:
    runtime._interpreters.release_environment(effect.digest)


_PERFORM: dict[type[Effect], Callable[[Runtime, Any], None]] = {
    SendToMaster: Runtime._send_to_master,
    StartInterpreter: Runtime._start,
    KeepFiles: Runtime._keep_files,
    MakeTree: Runtime._make_tree,
    RemoveTree: Runtime._remove_tree,
    BuildEnvironment: _build,
    ReleaseEnvironment: _release,
    RecallInterpreter: Runtime._recall,
    RevokeInterpreter: Runtime._revoke,
    KillInterpreter: Runtime._kill,
    FetchOutput: Runtime._fetch_output,
    FetchBlob: Runtime._fetch_blob,
    RemoveBlob: Runtime._remove_blob,
    PinBlobs: Runtime._pin_blobs,
    UnpinBlobs: Runtime._unpin_blobs,
    ServePiece: Runtime._serve_piece,
    TakePiece: Runtime._take_piece,
}
