"""What the generated code shares."""

from typing import Literal


class Unset:
    """The type of ``UNSET``."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Unset = Unset()
"""A member that is left out, which is not the same as null."""
