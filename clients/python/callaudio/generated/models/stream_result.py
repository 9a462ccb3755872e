from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.counts import Counts
    from ..models.erased_track import ErasedTrack
    from ..models.segment_result import SegmentResult


T = TypeVar("T", bound="StreamResult")


@_attrs_define
class StreamResult:
    """One stream and its segments, in the order of their start, and the tracks that were erased.

    Attributes:
        stream_id (str):
        started_at (datetime.datetime):
        ended_at (datetime.datetime):
        ended_by (str):
        sample_rate (int):
        counts (Counts): What happened to the audio of a segment or a stream. Numbers of frames, except as noted.
            Attributes: frames: Placed in a segment. silent_frames: Of those, marked as silent. gaps: The number of gaps:
            stretches without frames. filled_samples: The silence that fills the gaps, in samples. repeated: Dropped,
            because the same audio had arrived before. late: Arrived late, but were still placed where they belong.
            late_dropped: Dropped, because their segment was already closed. unstamped: Placed in the order of arrival,
            because their timestamp could not be used. corrected_samples: Silence added (if negative, removed) to correct
            drift, in samples: the sum, in which what was added and what was removed may cancel out. corrections: At how
            many places drift was corrected. clock_steps: How often the sender's clock was set back. lost: Lost, because
            there was no room for them, or with a process that was killed. Silence in their place counts as filled in.
        segments (list[SegmentResult]):
        erased (list[ErasedTrack]):
    """

    stream_id: str
    started_at: datetime.datetime
    ended_at: datetime.datetime
    ended_by: str
    sample_rate: int
    counts: Counts
    segments: list[SegmentResult]
    erased: list[ErasedTrack]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        stream_id = self.stream_id

        started_at = self.started_at.isoformat()

        ended_at = self.ended_at.isoformat()

        ended_by = self.ended_by

        sample_rate = self.sample_rate

        counts = self.counts.to_dict()

        segments = []
        for segments_item_data in self.segments:
            segments_item = segments_item_data.to_dict()
            segments.append(segments_item)

        erased = []
        for erased_item_data in self.erased:
            erased_item = erased_item_data.to_dict()
            erased.append(erased_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "stream_id": stream_id,
                "started_at": started_at,
                "ended_at": ended_at,
                "ended_by": ended_by,
                "sample_rate": sample_rate,
                "counts": counts,
                "segments": segments,
                "erased": erased,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.counts import Counts  # noqa: PLC0415
        from ..models.erased_track import ErasedTrack  # noqa: PLC0415
        from ..models.segment_result import SegmentResult  # noqa: PLC0415

        d = dict(src_dict)
        stream_id = d.pop("stream_id")

        started_at = datetime.datetime.fromisoformat(d.pop("started_at"))

        ended_at = datetime.datetime.fromisoformat(d.pop("ended_at"))

        ended_by = d.pop("ended_by")

        sample_rate = d.pop("sample_rate")

        counts = Counts.from_dict(d.pop("counts"))

        segments = []
        _segments = d.pop("segments")
        for segments_item_data in _segments:
            segments_item = SegmentResult.from_dict(segments_item_data)

            segments.append(segments_item)

        erased = []
        _erased = d.pop("erased")
        for erased_item_data in _erased:
            erased_item = ErasedTrack.from_dict(erased_item_data)

            erased.append(erased_item)

        stream_result = cls(
            stream_id=stream_id,
            started_at=started_at,
            ended_at=ended_at,
            ended_by=ended_by,
            sample_rate=sample_rate,
            counts=counts,
            segments=segments,
            erased=erased,
        )

        stream_result.additional_properties = d
        return stream_result

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
