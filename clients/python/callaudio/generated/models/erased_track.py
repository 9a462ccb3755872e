from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ErasedTrack")


@_attrs_define
class ErasedTrack:
    """A track that was deleted on request: its segments are not missing. `segments` counts them; the first began at
    `start`. `deletion` is the deletion's id.

        Attributes:
            track (str):
            segments (int):
            start (datetime.datetime):
            erased_at (datetime.datetime):
            deletion (str):
    """

    track: str
    segments: int
    start: datetime.datetime
    erased_at: datetime.datetime
    deletion: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        track = self.track

        segments = self.segments

        start = self.start.isoformat()

        erased_at = self.erased_at.isoformat()

        deletion = self.deletion

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "track": track,
                "segments": segments,
                "start": start,
                "erased_at": erased_at,
                "deletion": deletion,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        track = d.pop("track")

        segments = d.pop("segments")

        start = datetime.datetime.fromisoformat(d.pop("start"))

        erased_at = datetime.datetime.fromisoformat(d.pop("erased_at"))

        deletion = d.pop("deletion")

        erased_track = cls(
            track=track,
            segments=segments,
            start=start,
            erased_at=erased_at,
            deletion=deletion,
        )

        erased_track.additional_properties = d
        return erased_track

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
