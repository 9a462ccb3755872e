from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.acs_result import AcsResult


T = TypeVar("T", bound="Event")


@_attrs_define
class Event:
    """One callback event of ACS.

    Attributes:
        id (str):
        type_ (str):
        time (datetime.datetime):
        operation_context (None | str): that of the request that caused the event
        result (AcsResult | None):
        streaming_details (None | str):
    """

    id: str
    type_: str
    time: datetime.datetime
    operation_context: None | str
    result: AcsResult | None
    streaming_details: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.acs_result import AcsResult  # noqa: PLC0415

        id = self.id

        type_ = self.type_

        time = self.time.isoformat()

        operation_context: None | str
        operation_context = self.operation_context

        result: dict[str, Any] | None
        if isinstance(self.result, AcsResult):
            result = self.result.to_dict()
        else:
            result = self.result

        streaming_details: None | str
        streaming_details = self.streaming_details

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "type": type_,
                "time": time,
                "operation_context": operation_context,
                "result": result,
                "streaming_details": streaming_details,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.acs_result import AcsResult  # noqa: PLC0415

        d = dict(src_dict)
        id = d.pop("id")

        type_ = d.pop("type")

        time = datetime.datetime.fromisoformat(d.pop("time"))

        def _parse_operation_context(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        operation_context = _parse_operation_context(d.pop("operation_context"))

        def _parse_result(data: object) -> AcsResult | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                result_type_0 = AcsResult.from_dict(data)

                return result_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AcsResult | None, data)

        result = _parse_result(d.pop("result"))

        def _parse_streaming_details(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        streaming_details = _parse_streaming_details(d.pop("streaming_details"))

        event = cls(
            id=id,
            type_=type_,
            time=time,
            operation_context=operation_context,
            result=result,
            streaming_details=streaming_details,
        )

        event.additional_properties = d
        return event

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
