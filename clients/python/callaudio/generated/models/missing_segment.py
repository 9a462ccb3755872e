from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="MissingSegment")


@_attrs_define
class MissingSegment:
    """A segment that is missing from the recording or the timeline, and why.

    Attributes:
        track (str):
        participant (None | str):
        start (datetime.datetime):
        start_ms (int):
        end_ms (int):
        blob (str):
        reason (str):
    """

    track: str
    participant: None | str
    start: datetime.datetime
    start_ms: int
    end_ms: int
    blob: str
    reason: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        track = self.track

        participant: None | str
        participant = self.participant

        start = self.start.isoformat()

        start_ms = self.start_ms

        end_ms = self.end_ms

        blob = self.blob

        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "track": track,
                "participant": participant,
                "start": start,
                "start_ms": start_ms,
                "end_ms": end_ms,
                "blob": blob,
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        track = d.pop("track")

        def _parse_participant(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        participant = _parse_participant(d.pop("participant"))

        start = datetime.datetime.fromisoformat(d.pop("start"))

        start_ms = d.pop("start_ms")

        end_ms = d.pop("end_ms")

        blob = d.pop("blob")

        reason = d.pop("reason")

        missing_segment = cls(
            track=track,
            participant=participant,
            start=start,
            start_ms=start_ms,
            end_ms=end_ms,
            blob=blob,
            reason=reason,
        )

        missing_segment.additional_properties = d
        return missing_segment

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
