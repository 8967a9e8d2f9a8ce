"""What is wrong with a module that cannot travel."""


class Unshippable(TypeError):  # noqa: N818 - named for the module, as Unpicklable is for a value
    """An own module that cannot travel; the text names how it is reached, and what to do."""
