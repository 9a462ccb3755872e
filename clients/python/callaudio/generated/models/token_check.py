from typing import Literal, cast

TokenCheck = Literal["learn", "off", "require", "warn"]


def check_token_check(value: object) -> TokenCheck:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(TokenCheck, value)
