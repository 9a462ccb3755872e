from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Waveform")


@_attrs_define
class Waveform:
    """The highest sample of each window, as a share of full scale, 0 to 1.

    Attributes:
        window_ms (int):
        peaks (list[float]):
    """

    window_ms: int
    peaks: list[float]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        window_ms = self.window_ms

        peaks = self.peaks

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "window_ms": window_ms,
                "peaks": peaks,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        window_ms = d.pop("window_ms")

        peaks = cast(list[float], d.pop("peaks"))

        waveform = cls(
            window_ms=window_ms,
            peaks=peaks,
        )

        waveform.additional_properties = d
        return waveform

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
