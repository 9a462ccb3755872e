from typing import Literal, cast

CloudEventSpecversion = Literal["1.0"]


def check_cloud_event_specversion(value: object) -> CloudEventSpecversion:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(CloudEventSpecversion, value)
