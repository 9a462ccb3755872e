from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Talk")


@_attrs_define
class Talk:
    """How much one participant spoke. `talk_share` is the share of all speech, 0 to 1.

    Attributes:
        track (str):
        participant (None | str):
        name (None | str):
        speech_ms (int):
        talk_share (float):
    """

    track: str
    participant: None | str
    name: None | str
    speech_ms: int
    talk_share: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        track = self.track

        participant: None | str
        participant = self.participant

        name: None | str
        name = self.name

        speech_ms = self.speech_ms

        talk_share = self.talk_share

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "track": track,
                "participant": participant,
                "name": name,
                "speech_ms": speech_ms,
                "talk_share": talk_share,
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

        def _parse_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        name = _parse_name(d.pop("name"))

        speech_ms = d.pop("speech_ms")

        talk_share = d.pop("talk_share")

        talk = cls(
            track=track,
            participant=participant,
            name=name,
            speech_ms=speech_ms,
            talk_share=talk_share,
        )

        talk.additional_properties = d
        return talk

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
