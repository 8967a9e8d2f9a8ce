"""The protocol version. Fields are only ever appended, with defaults; all else raises it."""

VERSION = 1
OLDEST_VERSION = 1
"""The oldest version that this side still understands."""
