from typing import Literal, cast

DeletionScope = Literal["call", "participant", "segments"]


def check_deletion_scope(value: object) -> DeletionScope:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(DeletionScope, value)
