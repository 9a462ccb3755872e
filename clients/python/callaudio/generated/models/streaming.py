from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.streaming_state import StreamingState, check_streaming_state

if TYPE_CHECKING:
    from ..models.acs_result import AcsResult


T = TypeVar("T", bound="Streaming")


@_attrs_define
class Streaming:
    """The state of the media streaming; `details` and `result` are ACS's own explanation.

    Attributes:
        state (StreamingState):
        details (None | str):
        result (AcsResult | None):
    """

    state: StreamingState
    details: None | str
    result: AcsResult | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.acs_result import AcsResult  # noqa: PLC0415

        state: str = self.state

        details: None | str
        details = self.details

        result: dict[str, Any] | None
        if isinstance(self.result, AcsResult):
            result = self.result.to_dict()
        else:
            result = self.result

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "state": state,
                "details": details,
                "result": result,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.acs_result import AcsResult  # noqa: PLC0415

        d = dict(src_dict)
        state = check_streaming_state(d.pop("state"))

        def _parse_details(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        details = _parse_details(d.pop("details"))

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

        streaming = cls(
            state=state,
            details=details,
            result=result,
        )

        streaming.additional_properties = d
        return streaming

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
