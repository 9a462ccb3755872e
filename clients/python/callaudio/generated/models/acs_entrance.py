from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.acs_token import AcsToken


T = TypeVar("T", bound="AcsEntrance")


@_attrs_define
class AcsEntrance:
    """The newest token that was as documented, and the newest one that was not.

    Attributes:
        as_documented (AcsToken | None):
        different (AcsToken | None):
    """

    as_documented: AcsToken | None
    different: AcsToken | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.acs_token import AcsToken  # noqa: PLC0415

        as_documented: dict[str, Any] | None
        if isinstance(self.as_documented, AcsToken):
            as_documented = self.as_documented.to_dict()
        else:
            as_documented = self.as_documented

        different: dict[str, Any] | None
        if isinstance(self.different, AcsToken):
            different = self.different.to_dict()
        else:
            different = self.different

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "as_documented": as_documented,
                "different": different,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.acs_token import AcsToken  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_as_documented(data: object) -> AcsToken | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                as_documented_type_0 = AcsToken.from_dict(data)

                return as_documented_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AcsToken | None, data)

        as_documented = _parse_as_documented(d.pop("as_documented"))

        def _parse_different(data: object) -> AcsToken | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                different_type_0 = AcsToken.from_dict(data)

                return different_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AcsToken | None, data)

        different = _parse_different(d.pop("different"))

        acs_entrance = cls(
            as_documented=as_documented,
            different=different,
        )

        acs_entrance.additional_properties = d
        return acs_entrance

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
