"""Run any Python function on a cloud.

    import picloud as cloud

    job = cloud.call(pow, 2, 10)
    cloud.result(job)            # 1024

Importing this loads next to nothing: each name brings its module along when it is first used.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would cost more than all of this

if TYPE_CHECKING:
    from picloud.current import aclose as aclose
    from picloud.current import close as close
    from picloud.current import connect as connect
    from picloud.current import current_session as current_session
    from picloud.current import embedded as embedded
    from picloud.current import setkey as setkey
    from picloud.default_verbs import aas_completed as aas_completed
    from picloud.default_verbs import acall as acall
    from picloud.default_verbs import adelete as adelete
    from picloud.default_verbs import ainfo as ainfo
    from picloud.default_verbs import airesult as airesult
    from picloud.default_verbs import ajoin as ajoin
    from picloud.default_verbs import akill as akill
    from picloud.default_verbs import amap as amap
    from picloud.default_verbs import aresult as aresult
    from picloud.default_verbs import as_completed as as_completed
    from picloud.default_verbs import astatus as astatus
    from picloud.default_verbs import awhy as awhy
    from picloud.default_verbs import call as call
    from picloud.default_verbs import delete as delete
    from picloud.default_verbs import env as env
    from picloud.default_verbs import executor as executor
    from picloud.default_verbs import finished_statuses as finished_statuses
    from picloud.default_verbs import info as info
    from picloud.default_verbs import inspect as inspect
    from picloud.default_verbs import iresult as iresult
    from picloud.default_verbs import join as join
    from picloud.default_verbs import kill as kill
    from picloud.default_verbs import map as map
    from picloud.default_verbs import options as options
    from picloud.default_verbs import result as result
    from picloud.default_verbs import status as status
    from picloud.default_verbs import why as why
    from picloud.errors import AccessDenied as AccessDenied
    from picloud.errors import AuthenticationError as AuthenticationError
    from picloud.errors import CloudCycleError as CloudCycleError
    from picloud.errors import CloudException as CloudException
    from picloud.errors import CloudTimeoutError as CloudTimeoutError
    from picloud.errors import ConnectionLost as ConnectionLost
    from picloud.errors import EnvironmentNotBuilt as EnvironmentNotBuilt
    from picloud.errors import EnvironmentUnavailable as EnvironmentUnavailable
    from picloud.errors import JobError as JobError
    from picloud.errors import JobKilled as JobKilled
    from picloud.errors import JobStalled as JobStalled
    from picloud.errors import MemoryLimitExceeded as MemoryLimitExceeded
    from picloud.errors import NestingTooDeep as NestingTooDeep
    from picloud.errors import ResultError as ResultError
    from picloud.errors import RuntimeLimitExceeded as RuntimeLimitExceeded
    from picloud.errors import SerializationError as SerializationError
    from picloud.errors import StorageFull as StorageFull
    from picloud.errors import VersionMismatch as VersionMismatch
    from picloud.errors import WorkerLost as WorkerLost
    from picloud.inside import running_on_cloud as running_on_cloud
    from picloud.job import ALL as ALL
    from picloud.job import Job as Job
    from picloud.job import JobMap as JobMap
    from picloud.session import Session as Session

_PLACES = {
    "picloud.current": "aclose close connect current_session embedded setkey",
    "picloud.default_verbs": (
        "aas_completed acall adelete ainfo airesult ajoin akill amap aresult as_completed astatus "
        "awhy call delete env executor finished_statuses info inspect iresult join kill map "
        "options result status why"
    ),
    "picloud.errors": (
        "AccessDenied AuthenticationError CloudCycleError CloudException CloudTimeoutError "
        "ConnectionLost EnvironmentNotBuilt EnvironmentUnavailable JobError JobKilled JobStalled "
        "MemoryLimitExceeded NestingTooDeep ResultError RuntimeLimitExceeded SerializationError "
        "StorageFull VersionMismatch WorkerLost"
    ),
    "picloud.inside": "running_on_cloud",
    "picloud.job": "ALL Job JobMap",
    "picloud.session": "Session",
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names.split()}

__all__ = sorted([*_MODULES, "__version__"])


if not TYPE_CHECKING:  # checkers would take it for a promise that every name exists

    def __getattr__(name):
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        item = getattr(importlib.import_module(module), name)
        globals()[name] = item
        return item


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
