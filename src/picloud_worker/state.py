"""Where a worker keeps its files: a directory of its own below the user's state directory."""

from picloud.aio.places import state_places
from picloud.blobs.places import make_own_directory


def make_state_dir() -> str:
    """Make an empty directory for one worker, and clear away those of workers that were killed.

    Raises:
        OSError: nothing can be written in any of the `state_places`.
    """
    return str(make_own_directory("worker", state_places()))
