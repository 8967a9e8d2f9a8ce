"""How hard hypothesis tries: `pytest --hypothesis-profile soak` for many examples.

In CI the examples are the same in every run, so that a change fails for what it did; elsewhere
they are new each time, and what fails is remembered.
"""

import os

from hypothesis import settings

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("soak", max_examples=5000, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "default")
