"""How often Python looks for unreachable circles of objects, in processes that are all ours.

A master and a worker make many objects for each job, of which the master keeps most, and hardly
ever a circle. Python looks at all young objects whenever there are 700 more: where jobs are short
that takes a third of the time. A program that has an embedded cloud keeps its own pace.
"""

import gc

ALLOCATIONS = 10_000
"""More objects made than freed until the young ones are looked at."""


def collect_rarely() -> None:
    """Look less often from now on, and never at what is loaded already."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, *gc.get_threshold()[1:])
