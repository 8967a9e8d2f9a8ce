"""The life of one interpreter, as the agent sees it."""
