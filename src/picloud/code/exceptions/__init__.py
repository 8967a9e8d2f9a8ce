"""Exceptions of user code: taken apart, described, and made again without their constructors."""
