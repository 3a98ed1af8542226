"""What keeps a run from going on."""


class Failure(AssertionError):
    """Why something cannot be tested or measured, or has broken off; its text is for people and says what to do."""


class Missing(Failure):
    """A program that is not there; its text says how it is installed or built."""
