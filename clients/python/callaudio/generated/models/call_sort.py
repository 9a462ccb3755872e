from typing import Literal, cast

CallSort = Literal["-created_at", "-duration", "created_at", "duration"]


def check_call_sort(value: object) -> CallSort:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(CallSort, value)
