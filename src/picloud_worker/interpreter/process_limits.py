"""What the kernel lets this process do, as a job finds it."""

import os
import resource

# Of these a job is likelier than of others to lower one, and the next job would fail for it. All
# 16 take twice the time.
_NUMBERS = (
    resource.RLIMIT_AS,
    resource.RLIMIT_CPU,
    resource.RLIMIT_DATA,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_STACK,
)

# Jobs replace them.
_getrlimit, _setrlimit = resource.getrlimit, resource.setrlimit
_getpriority, _setpriority = os.getpriority, os.setpriority


class ProcessLimits:
    """Resource limits and niceness. Whether they can be put back is up to the kernel."""

    def __init__(self) -> None:
        self._limits = self._now()
        self._niceness = self._nice_now()

    def restore(self) -> str:
        """Put back what a job has changed; say in words what cannot be, empty if nothing."""
        limits = self._now()
        try:
            if limits != self._limits:
                for number, limit, now in zip(_NUMBERS, self._limits, limits, strict=True):
                    if now != limit:
                        _setrlimit(number, limit)
            if self._nice_now() != self._niceness:
                _setpriority(os.PRIO_PROCESS, 0, self._niceness)
        except (OSError, ValueError) as error:  # few may raise what was lowered
            return f"other limits of the process: {error}"
        return ""

    @staticmethod
    def _now() -> list[tuple[int, int]]:
        return list(map(_getrlimit, _NUMBERS))

    @staticmethod
    def _nice_now() -> int:
        return _getpriority(os.PRIO_PROCESS, 0)
