from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.result_state import ResultState, check_result_state
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.acs_error import AcsError
    from ..models.field_error import FieldError


T = TypeVar("T", bound="Problem")


@_attrs_define
class Problem:
    """Problem details (RFC 9457).

    Attributes:
        type_ (str):
        title (str):
        status (int):
        detail (str): what is wrong, and what to do
        code (str): the same for programs; there may be more codes in the future
        result_state (ResultState | Unset):
        errors (list[FieldError] | Unset): what is invalid
        acs (AcsError | Unset): ACS's own status, code and message.
    """

    type_: str
    title: str
    status: int
    detail: str
    code: str
    result_state: ResultState | Unset = UNSET
    errors: list[FieldError] | Unset = UNSET
    acs: AcsError | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        title = self.title

        status = self.status

        detail = self.detail

        code = self.code

        result_state: str | Unset = UNSET
        if not isinstance(self.result_state, Unset):
            result_state = self.result_state

        errors: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.errors, Unset):
            errors = []
            for errors_item_data in self.errors:
                errors_item = errors_item_data.to_dict()
                errors.append(errors_item)

        acs: dict[str, Any] | Unset = UNSET
        if not isinstance(self.acs, Unset):
            acs = self.acs.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "title": title,
                "status": status,
                "detail": detail,
                "code": code,
            }
        )
        if result_state is not UNSET:
            field_dict["result_state"] = result_state
        if errors is not UNSET:
            field_dict["errors"] = errors
        if acs is not UNSET:
            field_dict["acs"] = acs

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.acs_error import AcsError  # noqa: PLC0415
        from ..models.field_error import FieldError  # noqa: PLC0415

        d = dict(src_dict)
        type_ = d.pop("type")

        title = d.pop("title")

        status = d.pop("status")

        detail = d.pop("detail")

        code = d.pop("code")

        _result_state = d.pop("result_state", UNSET)
        result_state: ResultState | Unset
        if isinstance(_result_state, Unset):
            result_state = UNSET
        else:
            result_state = check_result_state(_result_state)

        _errors = d.pop("errors", UNSET)
        errors: list[FieldError] | Unset = UNSET
        if _errors is not UNSET:
            errors = []
            for errors_item_data in _errors:
                errors_item = FieldError.from_dict(errors_item_data)

                errors.append(errors_item)

        _acs = d.pop("acs", UNSET)
        acs: AcsError | Unset
        if isinstance(_acs, Unset):
            acs = UNSET
        else:
            acs = AcsError.from_dict(_acs)

        problem = cls(
            type_=type_,
            title=title,
            status=status,
            detail=detail,
            code=code,
            result_state=result_state,
            errors=errors,
            acs=acs,
        )

        problem.additional_properties = d
        return problem

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
