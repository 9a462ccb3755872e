from typing import Literal, cast

ListDeliveriesState = Literal["dead"]


def check_list_deliveries_state(value: object) -> ListDeliveriesState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(ListDeliveriesState, value)
