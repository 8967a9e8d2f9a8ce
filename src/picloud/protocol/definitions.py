"""The message that both clients and the master send: a function and how to run it."""

from picloud.protocol.ids import SpecNumber
from picloud.protocol.jobs import Handles, JobSpec
from picloud.statemachine import value


@value
class DefineSpec:
    """From now on `number` means this spec and this pickled function, on this link.

    The master fills in the owner for workers: interpreters are never shared between owners.
    `handles` are those of the jobs that the function names (`jobs.Handles`). `tree` is the digest
    of the tree that it finds its modules in, empty for none; it was sent before.
    """

    number: SpecNumber
    spec: JobSpec
    code: bytes
    owner: str = ""
    handles: Handles | None = None
    tree: bytes = b""


@value
class ForgetSpec:
    """No more jobs will name this number."""

    number: SpecNumber
