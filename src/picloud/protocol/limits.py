"""Every limit of the wire, named once. Sizes are in bytes, times in seconds."""

MAX_PAYLOAD = 64 << 20
"""One argument tuple, one function or one result."""

MAX_ITEMS = 1 << 22
"""Entries of one list or map in a message: a job may depend on two million that lie scattered.
What a stranger can make us keep is bounded by the frame, whatever lists it is made of."""

INT_SIZE = 9
"""One number, at most."""

MAX_FRAME = MAX_PAYLOAD + MAX_ITEMS * INT_SIZE + (1 << 20)
"""One frame: room for one largest payload, one longest list of jobs and what goes with them."""

FRAME_TARGET = 1 << 20
"""Senders start another message when one has grown to this size."""

MAX_SHOWN_PAYLOAD = 16 << 10
"""Arguments whose pickle is larger are put into words by interpreters only."""

OF_HANDLES = b"picloud.job"
"""What each pickled handle of a job names. It stands beside the secret that proves it."""

MAX_TEXT = 1 << 20
"""One text: a traceback, a label, a reason."""

MAX_INT = (1 << 63) - 1

EAGER_RESULT = 64 << 10
"""A result that is sent with its job's outcome although nobody has asked for it yet."""

INPUT = 16 << 10
"""Outcomes of a job's dependencies, together, that are sent along with its lease."""

SPILL_FROM = 256 << 10
"""From this size on a part of a value is a blob: a file of its own is not worth it for less."""

MAX_BLOBS = 1 << 16
"""Blobs that one payload names, or one message."""

BLOB_PIECE = 256 << 10
"""What is read of a blob at a time."""

PIECES_AHEAD = 8
"""Pieces of blobs that one peer is asked for before they have come."""

OUTPUT_TAIL = 64 << 10
"""What is kept of each of stdout, stderr and logging of a job."""

HEARTBEAT_INTERVAL = 5.0
SILENCE_LIMIT = 30.0
CLOSE_LIMIT = 5.0
"""How long a link waits for its peer's goodbye."""

JIDS_PER_BLOCK = 1 << 20
"""Job ids that a client session gets at a time; it may use them without asking."""

MAX_ENVIRONMENT_NAME = 100
"""Characters."""

MAX_ENVIRONMENTS = 1_000
"""Names of environments that one owner may have."""

MAX_LOCK = 256 << 10
"""Characters of one environment's lock: some thousand packages."""

MAX_WHOLES = 16
"""Ranges that one capability may be derived along: a map that is handed on in halves, and these in
halves again, reaches its single jobs after so many steps if it has 65,536 of them."""
