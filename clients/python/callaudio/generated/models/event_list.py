from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.cloud_event import CloudEvent


T = TypeVar("T", bound="EventList")


@_attrs_define
class EventList:
    """What has happened in a call since `after`, as CloudEvents 1.0.

    Attributes:
        events (list[CloudEvent]): the same event may come twice, with the same id
        call_changed (bool): the call itself has changed: read it again to see how
        cursor (str): the next request's `after`
    """

    events: list[CloudEvent]
    call_changed: bool
    cursor: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)

        call_changed = self.call_changed

        cursor = self.cursor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "events": events,
                "call_changed": call_changed,
                "cursor": cursor,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cloud_event import CloudEvent  # noqa: PLC0415

        d = dict(src_dict)
        events = []
        _events = d.pop("events")
        for events_item_data in _events:
            events_item = CloudEvent.from_dict(events_item_data)

            events.append(events_item)

        call_changed = d.pop("call_changed")

        cursor = d.pop("cursor")

        event_list = cls(
            events=events,
            call_changed=call_changed,
            cursor=cursor,
        )

        event_list.additional_properties = d
        return event_list

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
