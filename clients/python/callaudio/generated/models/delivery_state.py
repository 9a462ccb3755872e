from typing import Literal, cast

DeliveryState = Literal["dead"]


def check_delivery_state(value: object) -> DeliveryState:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(DeliveryState, value)
