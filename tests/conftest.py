"""How hard hypothesis tries: `pytest --hypothesis-profile soak` for many examples.

In CI the examples are the same in every run, so that a change fails for what it did; elsewhere
they are new each time, and what fails is remembered. `planted` is for broken code: it is enough to
know that an example fails, however long.
"""

import os

from hypothesis import Phase, settings

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("soak", max_examples=5000, deadline=None)
settings.register_profile(
    "planted",
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile("ci" if os.environ.get("CI") else "default")
