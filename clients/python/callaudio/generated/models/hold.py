from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.actor import Actor


T = TypeVar("T", bound="Hold")


@_attrs_define
class Hold:
    """The legal hold that a call is on.

    Attributes:
        reason (str):
        placed_at (datetime.datetime):
        placed_by (Actor): Who did something: a function key, a user or an app of Entra ID, or this app itself.
    """

    reason: str
    placed_at: datetime.datetime
    placed_by: Actor
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        placed_at = self.placed_at.isoformat()

        placed_by = self.placed_by.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "reason": reason,
                "placed_at": placed_at,
                "placed_by": placed_by,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.actor import Actor  # noqa: PLC0415

        d = dict(src_dict)
        reason = d.pop("reason")

        placed_at = datetime.datetime.fromisoformat(d.pop("placed_at"))

        placed_by = Actor.from_dict(d.pop("placed_by"))

        hold = cls(
            reason=reason,
            placed_at=placed_at,
            placed_by=placed_by,
        )

        hold.additional_properties = d
        return hold

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
