"""Durations and limits that the agent's core decides by, in seconds and bytes."""

WINDOW = 0.040
"""Work, by measured run time, that is kept ready at an interpreter."""

MASTER_WINDOW = 2 * WINDOW
"""Work that the master is asked to keep ready at this worker, for each core."""

MAX_LEASES_PER_CORE = 4096

MOST_RUNTIME = 1e8
"""What a job may be estimated to take, whatever its interpreter says: three years."""

LEAST_RUNTIME = 5e-6
"""What the shortest job costs an interpreter."""

TICK = 0.025
"""How often `Ticked` comes while interpreters are busy."""

RELIEVED_FROM = 0.005
"""Work, by measured run time, that an interpreter has before it, or is late with, when another
core has nothing to do: for less it is not asked to give back what it has not started."""

SILENCE = 0.045
"""A busy interpreter with several attempts that reports nothing for so long is recalled."""

PATIENCE = 0.100
"""An interpreter that does not answer a recall for so long has its attempts revoked."""

MAX_FAILED_STARTS = 3
"""Interpreters in a row that ended before they ran anything, until attempts are given up."""

RESERVATION = 0.020
"""How long a core that was lent, or left by a job of a job, is kept for what is more urgent than
what waits: the jobs of the sleeper, or the sleeper, are a round trip to the master away."""

MAX_CACHED_BLOBS = 2 << 30
"""Bytes of blobs that are here, until those that nothing here needs are removed."""

MAX_SLEEPERS = 64
"""Attempts that may be asleep at once, where nobody has counted the memory. Each holds on to a
process of its own."""

PLACES_FOR_HIGHER_RANKS = 4
"""One of so many places is kept for attempts that rank above all sleepers: what these may wait for
may have to wait itself."""

BUILD_PAUSE = 5.0
"""A build that has failed is not tried again for so long: jobs of it fail at once meanwhile."""

SPARE_INTERPRETERS = 2
"""Warm interpreters kept for each core, whatever their keys."""
