from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="LandedSegment")


@_attrs_define
class LandedSegment:
    """A segment whose stream has no manifest yet: its end is not known.

    Attributes:
        stream_id (str):
        track (str): the participant's number in the call
        participant (None | str): the raw id, or the track's name where nobody knows it
        start (datetime.datetime):
        blob (str):
    """

    stream_id: str
    track: str
    participant: None | str
    start: datetime.datetime
    blob: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        stream_id = self.stream_id

        track = self.track

        participant: None | str
        participant = self.participant

        start = self.start.isoformat()

        blob = self.blob

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "stream_id": stream_id,
                "track": track,
                "participant": participant,
                "start": start,
                "blob": blob,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        stream_id = d.pop("stream_id")

        track = d.pop("track")

        def _parse_participant(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        participant = _parse_participant(d.pop("participant"))

        start = datetime.datetime.fromisoformat(d.pop("start"))

        blob = d.pop("blob")

        landed_segment = cls(
            stream_id=stream_id,
            track=track,
            participant=participant,
            start=start,
            blob=blob,
        )

        landed_segment.additional_properties = d
        return landed_segment

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
