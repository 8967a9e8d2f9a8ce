"""What the runtime needs of the world, as protocols that adapters implement."""

from collections.abc import Sequence
from typing import Any, Protocol

from picloud.blobs.store import BlobStore
from picloud.protocol.environments import Environment
from picloud_worker.core.events import Output


class TreeFiles(Protocol):
    """The trees that interpreters import from, as files."""

    def put(self, contents: Sequence[bytes]) -> None:
        """Keep contents of files for trees."""

    def make(self, digest: bytes, paths: Sequence[str], digests: Sequence[bytes]) -> None:
        """Make a tree of them; where that fails, interpreters of it fail to start."""

    def remove(self, digest: bytes) -> None:
        """Remove a tree, and the contents that no other tree has."""


class EnvironmentFiles(Protocol):
    """The environments that interpreters start in, as files."""

    def build(self, environment: Environment) -> None:
        """Build one, or find it built; a `BuildEnded` follows."""


class InterpreterProcesses(Protocol):
    """The interpreters of a worker, as processes."""

    @property
    def environments(self) -> EnvironmentFiles:
        """What packages they have."""

    @property
    def trees(self) -> TreeFiles:
        """What they import from."""

    def start_interpreter(
        self, interpreter: int, tree: bytes, store: BlobStore | None, environment: str
    ) -> None:
        """Fork one that imports from this tree; messages may be sent to it at once.

        The large parts of values are in the store; without it values stay in one piece. It has
        the packages of the environment, or those of the worker.
        """

    def release_environment(self, digest: str) -> None:
        """No interpreter will be started in it any more."""

    def send(self, interpreter: int, messages: Sequence[object]) -> None:
        """Send one frame of messages; one that is dead ignores it, its exit is on the way."""

    def tell(self, interpreter: int, messages: Sequence[object]) -> None:
        """Send one frame of messages to the attempt that it runs."""

    def recall(self, interpreter: int) -> None:
        """Signal it to report and to give back what it has not started."""

    def revoke(self, interpreter: int) -> None:
        """Have it give back what it has before it starts another attempt, signals or not."""

    def kill(self, interpreter: int) -> None:
        """End it and its whole process tree; an `InterpreterExited` follows."""

    def running(self, interpreter: int) -> int:
        """The attempt that it runs now; 0 for none."""

    def output(self, interpreter: int) -> Output:
        """What that attempt has written so far."""

    def trim_outputs(self) -> None:
        """Cut files of output that have grown too large."""


class Uplink(Protocol):
    """The connection to the master."""

    def enqueue(self, message: Any) -> None:  # Any: one of worker_messages.FromWorker
        """Add a message to the next frame."""

    def flush(self) -> None:
        """Send the frame."""
