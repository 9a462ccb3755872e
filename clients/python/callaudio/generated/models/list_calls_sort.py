from typing import Literal, cast

ListCallsSort = Literal["-created_at", "-duration", "created_at", "duration"]


def check_list_calls_sort(value: object) -> ListCallsSort:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(ListCallsSort, value)
