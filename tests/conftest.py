"""How hard hypothesis tries: `pytest --hypothesis-profile soak` for many examples."""

from hypothesis import settings

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("soak", max_examples=5000, deadline=None)
settings.load_profile("default")
