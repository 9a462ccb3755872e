from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivery_state import DeliveryState, check_delivery_state

if TYPE_CHECKING:
    from ..models.cloud_event import CloudEvent


T = TypeVar("T", bound="Delivery")


@_attrs_define
class Delivery:
    """An event that could not be delivered to an endpoint.

    Attributes:
        id (str): for the retry
        state (DeliveryState): nothing is tried until it is sent again
        call_connection_id (str): the call connection id
        endpoint (str): its name in `WEBHOOKS`; `call`: the call's `webhook_url`; `event-grid`: the topic
        event (CloudEvent): One event.
        attempts (int):
        first_at (datetime.datetime): when it was due
        failed_at (datetime.datetime):
        error (str): of the last attempt, or why there was none
    """

    id: str
    state: DeliveryState
    call_connection_id: str
    endpoint: str
    event: CloudEvent
    attempts: int
    first_at: datetime.datetime
    failed_at: datetime.datetime
    error: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        state: str = self.state

        call_connection_id = self.call_connection_id

        endpoint = self.endpoint

        event = self.event.to_dict()

        attempts = self.attempts

        first_at = self.first_at.isoformat()

        failed_at = self.failed_at.isoformat()

        error = self.error

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "state": state,
                "call_connection_id": call_connection_id,
                "endpoint": endpoint,
                "event": event,
                "attempts": attempts,
                "first_at": first_at,
                "failed_at": failed_at,
                "error": error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cloud_event import CloudEvent  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        state = check_delivery_state(d.pop("state"))

        call_connection_id = d.pop("call_connection_id")

        endpoint = d.pop("endpoint")

        event = CloudEvent.from_dict(d.pop("event"))

        attempts = d.pop("attempts")

        first_at = datetime.datetime.fromisoformat(d.pop("first_at"))

        failed_at = datetime.datetime.fromisoformat(d.pop("failed_at"))

        error = d.pop("error")

        delivery = cls(
            id=id,
            state=state,
            call_connection_id=call_connection_id,
            endpoint=endpoint,
            event=event,
            attempts=attempts,
            first_at=first_at,
            failed_at=failed_at,
            error=error,
        )

        delivery.additional_properties = d
        return delivery

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
