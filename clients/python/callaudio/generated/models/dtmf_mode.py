from typing import Literal, cast

DtmfMode = Literal["digits", "off", "times"]


def check_dtmf_mode(value: object) -> DtmfMode:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(DtmfMode, value)
