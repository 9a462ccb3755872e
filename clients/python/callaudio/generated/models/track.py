from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.loss_span import LossSpan
    from ..models.speech_span import SpeechSpan
    from ..models.waveform import Waveform


T = TypeVar("T", bound="Track")


@_attrs_define
class Track:
    """One participant. Its index in the list is its channel in the recording. `participant` is its raw id, `name` its
    display name, where that is known. `talk_share` is its share of all speech, 0 to 1. `gaps` lie between its audio.

        Attributes:
            track (str):
            participant (None | str):
            name (None | str):
            speech_ms (int):
            talk_share (float):
            speech (list[SpeechSpan]):
            gaps (list[SpeechSpan]):
            losses (list[LossSpan]):
            waveform (Waveform): The highest sample of each window, as a share of full scale, 0 to 1.
    """

    track: str
    participant: None | str
    name: None | str
    speech_ms: int
    talk_share: float
    speech: list[SpeechSpan]
    gaps: list[SpeechSpan]
    losses: list[LossSpan]
    waveform: Waveform
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        track = self.track

        participant: None | str
        participant = self.participant

        name: None | str
        name = self.name

        speech_ms = self.speech_ms

        talk_share = self.talk_share

        speech = []
        for speech_item_data in self.speech:
            speech_item = speech_item_data.to_dict()
            speech.append(speech_item)

        gaps = []
        for gaps_item_data in self.gaps:
            gaps_item = gaps_item_data.to_dict()
            gaps.append(gaps_item)

        losses = []
        for losses_item_data in self.losses:
            losses_item = losses_item_data.to_dict()
            losses.append(losses_item)

        waveform = self.waveform.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "track": track,
                "participant": participant,
                "name": name,
                "speech_ms": speech_ms,
                "talk_share": talk_share,
                "speech": speech,
                "gaps": gaps,
                "losses": losses,
                "waveform": waveform,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.loss_span import LossSpan  # noqa: PLC0415
        from ..models.speech_span import SpeechSpan  # noqa: PLC0415
        from ..models.waveform import Waveform  # noqa: PLC0415

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

        speech = []
        _speech = d.pop("speech")
        for speech_item_data in _speech:
            speech_item = SpeechSpan.from_dict(speech_item_data)

            speech.append(speech_item)

        gaps = []
        _gaps = d.pop("gaps")
        for gaps_item_data in _gaps:
            gaps_item = SpeechSpan.from_dict(gaps_item_data)

            gaps.append(gaps_item)

        losses = []
        _losses = d.pop("losses")
        for losses_item_data in _losses:
            losses_item = LossSpan.from_dict(losses_item_data)

            losses.append(losses_item)

        waveform = Waveform.from_dict(d.pop("waveform"))

        track = cls(
            track=track,
            participant=participant,
            name=name,
            speech_ms=speech_ms,
            talk_share=talk_share,
            speech=speech,
            gaps=gaps,
            losses=losses,
            waveform=waveform,
        )

        track.additional_properties = d
        return track

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
