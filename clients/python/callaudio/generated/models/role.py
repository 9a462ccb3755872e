from typing import Literal, cast

Role = Literal["Admin", "Auditor", "Caller", "Listener"]


def check_role(value: object) -> Role:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(Role, value)
