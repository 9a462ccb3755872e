from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="MissingAudio")


@_attrs_define
class MissingAudio:
    """What a result lacks. `segments` counts those that are missing or were not analysed. `unfinished_streams` has the ids
    of streams whose manifest never came: their end may be missing. `unknown_streams` counts those that ACS reported and
    of which nothing was stored.

        Attributes:
            segments (int):
            unfinished_streams (list[str]):
            unknown_streams (int):
    """

    segments: int
    unfinished_streams: list[str]
    unknown_streams: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        segments = self.segments

        unfinished_streams = self.unfinished_streams

        unknown_streams = self.unknown_streams

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "segments": segments,
                "unfinished_streams": unfinished_streams,
                "unknown_streams": unknown_streams,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        segments = d.pop("segments")

        unfinished_streams = cast(list[str], d.pop("unfinished_streams"))

        unknown_streams = d.pop("unknown_streams")

        missing_audio = cls(
            segments=segments,
            unfinished_streams=unfinished_streams,
            unknown_streams=unknown_streams,
        )

        missing_audio.additional_properties = d
        return missing_audio

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
