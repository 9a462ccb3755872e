from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Match")


@_attrs_define
class Match:
    """An utterance of the transcript that matches a search. Times are from the recording's start. `speaker` is as in the
    transcript: the number of a voice of a mixed track.

        Attributes:
            start_ms (int):
            end_ms (int):
            track (str):
            participant (None | str): the raw id of who has said it
            name (None | str):
            speaker (int | None):
            text (str): of a long utterance the part around the first match
            ranges (list[list[int]]): what to highlight: from which to before which character (Unicode code point) of `text`
    """

    start_ms: int
    end_ms: int
    track: str
    participant: None | str
    name: None | str
    speaker: int | None
    text: str
    ranges: list[list[int]]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        start_ms = self.start_ms

        end_ms = self.end_ms

        track = self.track

        participant: None | str
        participant = self.participant

        name: None | str
        name = self.name

        speaker: int | None
        speaker = self.speaker

        text = self.text

        ranges = []
        for ranges_item_data in self.ranges:
            ranges_item = ranges_item_data

            ranges.append(ranges_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "start_ms": start_ms,
                "end_ms": end_ms,
                "track": track,
                "participant": participant,
                "name": name,
                "speaker": speaker,
                "text": text,
                "ranges": ranges,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        start_ms = d.pop("start_ms")

        end_ms = d.pop("end_ms")

        track = d.pop("track")

        def _parse_participant(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        participant = _parse_participant(d.pop("participant"))

        def _parse_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        name = _parse_name(d.pop("name"))

        def _parse_speaker(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        speaker = _parse_speaker(d.pop("speaker"))

        text = d.pop("text")

        ranges = []
        _ranges = d.pop("ranges")
        for ranges_item_data in _ranges:
            ranges_item = cast(list[int], ranges_item_data)

            ranges.append(ranges_item)

        match = cls(
            start_ms=start_ms,
            end_ms=end_ms,
            track=track,
            participant=participant,
            name=name,
            speaker=speaker,
            text=text,
            ranges=ranges,
        )

        match.additional_properties = d
        return match

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
