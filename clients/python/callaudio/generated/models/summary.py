from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.talk import Talk


T = TypeVar("T", bound="Summary")


@_attrs_define
class Summary:
    """Key figures of an assembled call. `audio_ms` and `speech_ms` are the totals of all tracks; `speech_share` is the
    share of the call's duration in which anyone speaks, 0 to 1. `lost_ms` is the silence that replaces audio which
    never arrived. `recording_sha256` is the digest of the recording's file, without `format` and `mix`. `partial`: the
    result is not final; as stored, only that a stream's manifest was missing at the assembly.

        Attributes:
            streams (int):
            segments (int):
            missing_segments (int):
            audio_ms (float):
            speech_ms (float):
            speech_share (float):
            lost_ms (float):
            partial (bool):
            duration_ms (int):
            overlap_ms (int):
            longest_silence_ms (int):
            interruptions (int):
            recording_bytes (int):
            recording_sha256 (str):
            talk (list[Talk]):
    """

    streams: int
    segments: int
    missing_segments: int
    audio_ms: float
    speech_ms: float
    speech_share: float
    lost_ms: float
    partial: bool
    duration_ms: int
    overlap_ms: int
    longest_silence_ms: int
    interruptions: int
    recording_bytes: int
    recording_sha256: str
    talk: list[Talk]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        streams = self.streams

        segments = self.segments

        missing_segments = self.missing_segments

        audio_ms = self.audio_ms

        speech_ms = self.speech_ms

        speech_share = self.speech_share

        lost_ms = self.lost_ms

        partial = self.partial

        duration_ms = self.duration_ms

        overlap_ms = self.overlap_ms

        longest_silence_ms = self.longest_silence_ms

        interruptions = self.interruptions

        recording_bytes = self.recording_bytes

        recording_sha256 = self.recording_sha256

        talk = []
        for talk_item_data in self.talk:
            talk_item = talk_item_data.to_dict()
            talk.append(talk_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "streams": streams,
                "segments": segments,
                "missing_segments": missing_segments,
                "audio_ms": audio_ms,
                "speech_ms": speech_ms,
                "speech_share": speech_share,
                "lost_ms": lost_ms,
                "partial": partial,
                "duration_ms": duration_ms,
                "overlap_ms": overlap_ms,
                "longest_silence_ms": longest_silence_ms,
                "interruptions": interruptions,
                "recording_bytes": recording_bytes,
                "recording_sha256": recording_sha256,
                "talk": talk,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.talk import Talk  # noqa: PLC0415

        d = dict(src_dict)
        streams = d.pop("streams")

        segments = d.pop("segments")

        missing_segments = d.pop("missing_segments")

        audio_ms = d.pop("audio_ms")

        speech_ms = d.pop("speech_ms")

        speech_share = d.pop("speech_share")

        lost_ms = d.pop("lost_ms")

        partial = d.pop("partial")

        duration_ms = d.pop("duration_ms")

        overlap_ms = d.pop("overlap_ms")

        longest_silence_ms = d.pop("longest_silence_ms")

        interruptions = d.pop("interruptions")

        recording_bytes = d.pop("recording_bytes")

        recording_sha256 = d.pop("recording_sha256")

        talk = []
        _talk = d.pop("talk")
        for talk_item_data in _talk:
            talk_item = Talk.from_dict(talk_item_data)

            talk.append(talk_item)

        summary = cls(
            streams=streams,
            segments=segments,
            missing_segments=missing_segments,
            audio_ms=audio_ms,
            speech_ms=speech_ms,
            speech_share=speech_share,
            lost_ms=lost_ms,
            partial=partial,
            duration_ms=duration_ms,
            overlap_ms=overlap_ms,
            longest_silence_ms=longest_silence_ms,
            interruptions=interruptions,
            recording_bytes=recording_bytes,
            recording_sha256=recording_sha256,
            talk=talk,
        )

        summary.additional_properties = d
        return summary

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
