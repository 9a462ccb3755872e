from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.speech_span import SpeechSpan


T = TypeVar("T", bound="SegmentResult")


@_attrs_define
class SegmentResult:
    """One segment of a call. `analysed` is False while its analysis is missing. `track` is the call's; in `blob`, the
    participant has the number of the stream. Levels are in dBFS (None: digital silence). `filled_ms` of silence replace
    lost audio. If `sample_rate` is not the timeline's, the segment is resampled in the recording.

        Attributes:
            track (str):
            participant (None | str):
            start (datetime.datetime):
            end (datetime.datetime):
            duration_ms (float):
            sample_rate (int):
            blob (str):
            analysed (bool):
            speech_share (float | None):
            rms_dbfs (float | None):
            peak_dbfs (float | None):
            noise_floor_dbfs (float | None):
            clipped_samples (int):
            speech (list[SpeechSpan]):
            gaps (int):
            filled_ms (float):
    """

    track: str
    participant: None | str
    start: datetime.datetime
    end: datetime.datetime
    duration_ms: float
    sample_rate: int
    blob: str
    analysed: bool
    speech_share: float | None
    rms_dbfs: float | None
    peak_dbfs: float | None
    noise_floor_dbfs: float | None
    clipped_samples: int
    speech: list[SpeechSpan]
    gaps: int
    filled_ms: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        track = self.track

        participant: None | str
        participant = self.participant

        start = self.start.isoformat()

        end = self.end.isoformat()

        duration_ms = self.duration_ms

        sample_rate = self.sample_rate

        blob = self.blob

        analysed = self.analysed

        speech_share: float | None
        speech_share = self.speech_share

        rms_dbfs: float | None
        rms_dbfs = self.rms_dbfs

        peak_dbfs: float | None
        peak_dbfs = self.peak_dbfs

        noise_floor_dbfs: float | None
        noise_floor_dbfs = self.noise_floor_dbfs

        clipped_samples = self.clipped_samples

        speech = []
        for speech_item_data in self.speech:
            speech_item = speech_item_data.to_dict()
            speech.append(speech_item)

        gaps = self.gaps

        filled_ms = self.filled_ms

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "track": track,
                "participant": participant,
                "start": start,
                "end": end,
                "duration_ms": duration_ms,
                "sample_rate": sample_rate,
                "blob": blob,
                "analysed": analysed,
                "speech_share": speech_share,
                "rms_dbfs": rms_dbfs,
                "peak_dbfs": peak_dbfs,
                "noise_floor_dbfs": noise_floor_dbfs,
                "clipped_samples": clipped_samples,
                "speech": speech,
                "gaps": gaps,
                "filled_ms": filled_ms,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.speech_span import SpeechSpan  # noqa: PLC0415

        d = dict(src_dict)
        track = d.pop("track")

        def _parse_participant(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        participant = _parse_participant(d.pop("participant"))

        start = datetime.datetime.fromisoformat(d.pop("start"))

        end = datetime.datetime.fromisoformat(d.pop("end"))

        duration_ms = d.pop("duration_ms")

        sample_rate = d.pop("sample_rate")

        blob = d.pop("blob")

        analysed = d.pop("analysed")

        def _parse_speech_share(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        speech_share = _parse_speech_share(d.pop("speech_share"))

        def _parse_rms_dbfs(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        rms_dbfs = _parse_rms_dbfs(d.pop("rms_dbfs"))

        def _parse_peak_dbfs(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        peak_dbfs = _parse_peak_dbfs(d.pop("peak_dbfs"))

        def _parse_noise_floor_dbfs(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        noise_floor_dbfs = _parse_noise_floor_dbfs(d.pop("noise_floor_dbfs"))

        clipped_samples = d.pop("clipped_samples")

        speech = []
        _speech = d.pop("speech")
        for speech_item_data in _speech:
            speech_item = SpeechSpan.from_dict(speech_item_data)

            speech.append(speech_item)

        gaps = d.pop("gaps")

        filled_ms = d.pop("filled_ms")

        segment_result = cls(
            track=track,
            participant=participant,
            start=start,
            end=end,
            duration_ms=duration_ms,
            sample_rate=sample_rate,
            blob=blob,
            analysed=analysed,
            speech_share=speech_share,
            rms_dbfs=rms_dbfs,
            peak_dbfs=peak_dbfs,
            noise_floor_dbfs=noise_floor_dbfs,
            clipped_samples=clipped_samples,
            speech=speech,
            gaps=gaps,
            filled_ms=filled_ms,
        )

        segment_result.additional_properties = d
        return segment_result

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
