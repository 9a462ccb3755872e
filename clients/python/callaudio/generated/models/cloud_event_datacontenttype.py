from typing import Literal, cast

CloudEventDatacontenttype = Literal["application/json"]


def check_cloud_event_datacontenttype(value: object) -> CloudEventDatacontenttype:
    """Accept any value: a newer app may have one that this client does not know."""
    return cast(CloudEventDatacontenttype, value)
