from typing import Literal, cast

ActorKind = Literal["entra", "key", "system"]


def check_actor_kind(value: object) -> ActorKind:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(ActorKind, value)
