"""What is wrong with a module that cannot travel."""


class Unshippable(TypeError):  # noqa: N818 - named for the module, as Unpicklable is for a value
    """An own module that cannot travel; the text names how it is reached, and what to do.

    Attributes:
        root: the module that the call itself asks for, which leads to it; empty if unknown.
    """

    def __init__(self, text: str, root: str = "") -> None:
        super().__init__(text)
        self.root = root
