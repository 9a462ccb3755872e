from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="StopStreaming")


@_attrs_define
class StopStreaming:
    """
    Attributes:
        operation_context (None | str | Unset): text that ACS returns in its events
    """

    operation_context: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        operation_context: None | str | Unset
        if isinstance(self.operation_context, Unset):
            operation_context = UNSET
        else:
            operation_context = self.operation_context

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if operation_context is not UNSET:
            field_dict["operation_context"] = operation_context

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_operation_context(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        operation_context = _parse_operation_context(d.pop("operation_context", UNSET))

        stop_streaming = cls(
            operation_context=operation_context,
        )

        return stop_streaming
