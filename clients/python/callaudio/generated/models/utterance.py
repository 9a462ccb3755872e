from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.word import Word


T = TypeVar("T", bound="Utterance")


@_attrs_define
class Utterance:
    """What one participant said without a long pause. `participant` is their raw id, `name` their display name, where that
    is known. `speaker` numbers the voices of a mixed track, where the engine tells them apart. The numbers start again
    in each chunk (20 minutes with Azure). `locale` is the language that the engine was told or detected.

        Attributes:
            track (str):
            participant (None | str):
            name (None | str):
            speaker (int | None):
            locale (None | str):
            start_ms (int):
            end_ms (int):
            text (str):
            words (list[Word]):
    """

    track: str
    participant: None | str
    name: None | str
    speaker: int | None
    locale: None | str
    start_ms: int
    end_ms: int
    text: str
    words: list[Word]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        track = self.track

        participant: None | str
        participant = self.participant

        name: None | str
        name = self.name

        speaker: int | None
        speaker = self.speaker

        locale: None | str
        locale = self.locale

        start_ms = self.start_ms

        end_ms = self.end_ms

        text = self.text

        words = []
        for words_item_data in self.words:
            words_item = words_item_data.to_dict()
            words.append(words_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "track": track,
                "participant": participant,
                "name": name,
                "speaker": speaker,
                "locale": locale,
                "start_ms": start_ms,
                "end_ms": end_ms,
                "text": text,
                "words": words,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.word import Word  # noqa: PLC0415

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

        def _parse_speaker(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        speaker = _parse_speaker(d.pop("speaker"))

        def _parse_locale(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        locale = _parse_locale(d.pop("locale"))

        start_ms = d.pop("start_ms")

        end_ms = d.pop("end_ms")

        text = d.pop("text")

        words = []
        _words = d.pop("words")
        for words_item_data in _words:
            words_item = Word.from_dict(words_item_data)

            words.append(words_item)

        utterance = cls(
            track=track,
            participant=participant,
            name=name,
            speaker=speaker,
            locale=locale,
            start_ms=start_ms,
            end_ms=end_ms,
            text=text,
            words=words,
        )

        utterance.additional_properties = d
        return utterance

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
