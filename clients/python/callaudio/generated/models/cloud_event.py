from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.cloud_event_datacontenttype import (
    CloudEventDatacontenttype,
    check_cloud_event_datacontenttype,
)
from ..models.cloud_event_specversion import CloudEventSpecversion, check_cloud_event_specversion
from ..models.event_type import EventType, check_event_type

if TYPE_CHECKING:
    from ..models.cloud_event_data import CloudEventData


T = TypeVar("T", bound="CloudEvent")


@_attrs_define
class CloudEvent:
    """One event.

    Attributes:
        id (str):
        type_ (EventType):
        source (str):
        subject (str):
        time (datetime.datetime):
        specversion (CloudEventSpecversion):
        datacontenttype (CloudEventDatacontenttype):
        data (CloudEventData):
    """

    id: str
    type_: EventType
    source: str
    subject: str
    time: datetime.datetime
    specversion: CloudEventSpecversion
    datacontenttype: CloudEventDatacontenttype
    data: CloudEventData
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        type_: str = self.type_

        source = self.source

        subject = self.subject

        time = self.time.isoformat()

        specversion: str = self.specversion

        datacontenttype: str = self.datacontenttype

        data = self.data.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "type": type_,
                "source": source,
                "subject": subject,
                "time": time,
                "specversion": specversion,
                "datacontenttype": datacontenttype,
                "data": data,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cloud_event_data import CloudEventData  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        type_ = check_event_type(d.pop("type"))

        source = d.pop("source")

        subject = d.pop("subject")

        time = datetime.datetime.fromisoformat(d.pop("time"))

        specversion = check_cloud_event_specversion(d.pop("specversion"))

        datacontenttype = check_cloud_event_datacontenttype(d.pop("datacontenttype"))

        data = CloudEventData.from_dict(d.pop("data"))

        cloud_event = cls(
            id=id,
            type_=type_,
            source=source,
            subject=subject,
            time=time,
            specversion=specversion,
            datacontenttype=datacontenttype,
            data=data,
        )

        cloud_event.additional_properties = d
        return cloud_event

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
