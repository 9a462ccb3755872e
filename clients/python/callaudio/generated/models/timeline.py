from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.result_state import ResultState, check_result_state

if TYPE_CHECKING:
    from ..models.interruption import Interruption
    from ..models.missing_segment import MissingSegment
    from ..models.pause_span import PauseSpan
    from ..models.play_span import PlaySpan
    from ..models.speech_span import SpeechSpan
    from ..models.track import Track


T = TypeVar("T", bound="Timeline")


@_attrs_define
class Timeline:
    """Who spoke when. All times in ms are from the recording's start.

    Attributes:
        call_connection_id (str): the call connection id
        started_at (datetime.datetime): when the recording starts
        result_state (ResultState):
        duration_ms (int):
        sample_rate (int): the recording's samples per second
        resampled_segments (int): how many segments came at another sample rate
        partial (bool): the result is not final
        tracks (list[Track]): in the order of the recording's channels
        overlaps (list[SpeechSpan]): where several speak at once
        longest_silence (None | SpeechSpan):
        interruptions (list[Interruption]):
        announcements (list[PlaySpan]): when the announcement was played, and to whom
        pauses (list[PauseSpan]): where the recording was paused
        missing_segments (list[MissingSegment]):
    """

    call_connection_id: str
    started_at: datetime.datetime
    result_state: ResultState
    duration_ms: int
    sample_rate: int
    resampled_segments: int
    partial: bool
    tracks: list[Track]
    overlaps: list[SpeechSpan]
    longest_silence: None | SpeechSpan
    interruptions: list[Interruption]
    announcements: list[PlaySpan]
    pauses: list[PauseSpan]
    missing_segments: list[MissingSegment]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.speech_span import SpeechSpan  # noqa: PLC0415

        call_connection_id = self.call_connection_id

        started_at = self.started_at.isoformat()

        result_state: str = self.result_state

        duration_ms = self.duration_ms

        sample_rate = self.sample_rate

        resampled_segments = self.resampled_segments

        partial = self.partial

        tracks = []
        for tracks_item_data in self.tracks:
            tracks_item = tracks_item_data.to_dict()
            tracks.append(tracks_item)

        overlaps = []
        for overlaps_item_data in self.overlaps:
            overlaps_item = overlaps_item_data.to_dict()
            overlaps.append(overlaps_item)

        longest_silence: dict[str, Any] | None
        if isinstance(self.longest_silence, SpeechSpan):
            longest_silence = self.longest_silence.to_dict()
        else:
            longest_silence = self.longest_silence

        interruptions = []
        for interruptions_item_data in self.interruptions:
            interruptions_item = interruptions_item_data.to_dict()
            interruptions.append(interruptions_item)

        announcements = []
        for announcements_item_data in self.announcements:
            announcements_item = announcements_item_data.to_dict()
            announcements.append(announcements_item)

        pauses = []
        for pauses_item_data in self.pauses:
            pauses_item = pauses_item_data.to_dict()
            pauses.append(pauses_item)

        missing_segments = []
        for missing_segments_item_data in self.missing_segments:
            missing_segments_item = missing_segments_item_data.to_dict()
            missing_segments.append(missing_segments_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "call_connection_id": call_connection_id,
                "started_at": started_at,
                "result_state": result_state,
                "duration_ms": duration_ms,
                "sample_rate": sample_rate,
                "resampled_segments": resampled_segments,
                "partial": partial,
                "tracks": tracks,
                "overlaps": overlaps,
                "longest_silence": longest_silence,
                "interruptions": interruptions,
                "announcements": announcements,
                "pauses": pauses,
                "missing_segments": missing_segments,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.interruption import Interruption  # noqa: PLC0415
        from ..models.missing_segment import MissingSegment  # noqa: PLC0415
        from ..models.pause_span import PauseSpan  # noqa: PLC0415
        from ..models.play_span import PlaySpan  # noqa: PLC0415
        from ..models.speech_span import SpeechSpan  # noqa: PLC0415
        from ..models.track import Track  # noqa: PLC0415

        d = dict(src_dict)
        call_connection_id = d.pop("call_connection_id")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        result_state = check_result_state(d.pop("result_state"))

        duration_ms = d.pop("duration_ms")

        sample_rate = d.pop("sample_rate")

        resampled_segments = d.pop("resampled_segments")

        partial = d.pop("partial")

        tracks = []
        _tracks = d.pop("tracks")
        for tracks_item_data in _tracks:
            tracks_item = Track.from_dict(tracks_item_data)

            tracks.append(tracks_item)

        overlaps = []
        _overlaps = d.pop("overlaps")
        for overlaps_item_data in _overlaps:
            overlaps_item = SpeechSpan.from_dict(overlaps_item_data)

            overlaps.append(overlaps_item)

        def _parse_longest_silence(data: object) -> None | SpeechSpan:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                longest_silence_type_0 = SpeechSpan.from_dict(data)

                return longest_silence_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | SpeechSpan, data)

        longest_silence = _parse_longest_silence(d.pop("longest_silence"))

        interruptions = []
        _interruptions = d.pop("interruptions")
        for interruptions_item_data in _interruptions:
            interruptions_item = Interruption.from_dict(interruptions_item_data)

            interruptions.append(interruptions_item)

        announcements = []
        _announcements = d.pop("announcements")
        for announcements_item_data in _announcements:
            announcements_item = PlaySpan.from_dict(announcements_item_data)

            announcements.append(announcements_item)

        pauses = []
        _pauses = d.pop("pauses")
        for pauses_item_data in _pauses:
            pauses_item = PauseSpan.from_dict(pauses_item_data)

            pauses.append(pauses_item)

        missing_segments = []
        _missing_segments = d.pop("missing_segments")
        for missing_segments_item_data in _missing_segments:
            missing_segments_item = MissingSegment.from_dict(missing_segments_item_data)

            missing_segments.append(missing_segments_item)

        timeline = cls(
            call_connection_id=call_connection_id,
            started_at=started_at,
            result_state=result_state,
            duration_ms=duration_ms,
            sample_rate=sample_rate,
            resampled_segments=resampled_segments,
            partial=partial,
            tracks=tracks,
            overlaps=overlaps,
            longest_silence=longest_silence,
            interruptions=interruptions,
            announcements=announcements,
            pauses=pauses,
            missing_segments=missing_segments,
        )

        timeline.additional_properties = d
        return timeline

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
