from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.export_state import ExportState, check_export_state

T = TypeVar("T", bound="Export")


@_attrs_define
class Export:
    """An export that is not ready yet; the sizes are those of its recording.

    Attributes:
        state (ExportState):
        requested_at (datetime.datetime):
        bytes_written (int):
        bytes_total (int):
    """

    state: ExportState
    requested_at: datetime.datetime
    bytes_written: int
    bytes_total: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        state: str = self.state

        requested_at = self.requested_at.isoformat()

        bytes_written = self.bytes_written

        bytes_total = self.bytes_total

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "state": state,
                "requested_at": requested_at,
                "bytes_written": bytes_written,
                "bytes_total": bytes_total,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        state = check_export_state(d.pop("state"))

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        bytes_written = d.pop("bytes_written")

        bytes_total = d.pop("bytes_total")

        export = cls(
            state=state,
            requested_at=requested_at,
            bytes_written=bytes_written,
            bytes_total=bytes_total,
        )

        export.additional_properties = d
        return export

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
