from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Counts")


@_attrs_define
class Counts:
    """What happened to the audio of a segment or a stream. Numbers of frames, except as noted. Attributes: frames: Placed
    in a segment. silent_frames: Of those, marked as silent. gaps: The number of gaps: stretches without frames.
    filled_samples: The silence that fills the gaps, in samples. repeated: Dropped, because the same audio had arrived
    before. late: Arrived late, but were still placed where they belong. late_dropped: Dropped, because their segment
    was already closed. unstamped: Placed in the order of arrival, because their timestamp could not be used.
    corrected_samples: Silence added (if negative, removed) to correct drift, in samples: the sum, in which what was
    added and what was removed may cancel out. corrections: At how many places drift was corrected. clock_steps: How
    often the sender's clock was set back. lost: Lost, because there was no room for them, or with a process that was
    killed. Silence in their place counts as filled in.

        Attributes:
            frames (int):
            silent_frames (int):
            gaps (int):
            filled_samples (int):
            repeated (int):
            late (int):
            late_dropped (int):
            unstamped (int):
            corrected_samples (int):
            corrections (int):
            clock_steps (int):
            lost (int):
    """

    frames: int
    silent_frames: int
    gaps: int
    filled_samples: int
    repeated: int
    late: int
    late_dropped: int
    unstamped: int
    corrected_samples: int
    corrections: int
    clock_steps: int
    lost: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        frames = self.frames

        silent_frames = self.silent_frames

        gaps = self.gaps

        filled_samples = self.filled_samples

        repeated = self.repeated

        late = self.late

        late_dropped = self.late_dropped

        unstamped = self.unstamped

        corrected_samples = self.corrected_samples

        corrections = self.corrections

        clock_steps = self.clock_steps

        lost = self.lost

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "frames": frames,
                "silent_frames": silent_frames,
                "gaps": gaps,
                "filled_samples": filled_samples,
                "repeated": repeated,
                "late": late,
                "late_dropped": late_dropped,
                "unstamped": unstamped,
                "corrected_samples": corrected_samples,
                "corrections": corrections,
                "clock_steps": clock_steps,
                "lost": lost,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        frames = d.pop("frames")

        silent_frames = d.pop("silent_frames")

        gaps = d.pop("gaps")

        filled_samples = d.pop("filled_samples")

        repeated = d.pop("repeated")

        late = d.pop("late")

        late_dropped = d.pop("late_dropped")

        unstamped = d.pop("unstamped")

        corrected_samples = d.pop("corrected_samples")

        corrections = d.pop("corrections")

        clock_steps = d.pop("clock_steps")

        lost = d.pop("lost")

        counts = cls(
            frames=frames,
            silent_frames=silent_frames,
            gaps=gaps,
            filled_samples=filled_samples,
            repeated=repeated,
            late=late,
            late_dropped=late_dropped,
            unstamped=unstamped,
            corrected_samples=corrected_samples,
            corrections=corrections,
            clock_steps=clock_steps,
            lost=lost,
        )

        counts.additional_properties = d
        return counts

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
