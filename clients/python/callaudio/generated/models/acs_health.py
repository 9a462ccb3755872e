from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.token_check import TokenCheck, check_token_check

if TYPE_CHECKING:
    from ..models.acs_entrance import AcsEntrance


T = TypeVar("T", bound="AcsHealth")


@_attrs_define
class AcsHealth:
    """What ACS's tokens are like, and what to set. `check` is `CALLBACK_TOKEN_CHECK`.

    Attributes:
        check (TokenCheck):
        media (AcsEntrance): The newest token that was as documented, and the newest one that was not.
        callbacks (AcsEntrance): The newest token that was as documented, and the newest one that was not.
        require_is_safe (bool):
        setting (None | str):
        advice (list[str]): the same for people
    """

    check: TokenCheck
    media: AcsEntrance
    callbacks: AcsEntrance
    require_is_safe: bool
    setting: None | str
    advice: list[str]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        check: str = self.check

        media = self.media.to_dict()

        callbacks = self.callbacks.to_dict()

        require_is_safe = self.require_is_safe

        setting: None | str
        setting = self.setting

        advice = self.advice

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "check": check,
                "media": media,
                "callbacks": callbacks,
                "require_is_safe": require_is_safe,
                "setting": setting,
                "advice": advice,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.acs_entrance import AcsEntrance  # noqa: PLC0415

        d = dict(src_dict)
        check = check_token_check(d.pop("check"))

        media = AcsEntrance.from_dict(d.pop("media"))

        callbacks = AcsEntrance.from_dict(d.pop("callbacks"))

        require_is_safe = d.pop("require_is_safe")

        def _parse_setting(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        setting = _parse_setting(d.pop("setting"))

        advice = cast(list[str], d.pop("advice"))

        acs_health = cls(
            check=check,
            media=media,
            callbacks=callbacks,
            require_is_safe=require_is_safe,
            setting=setting,
            advice=advice,
        )

        acs_health.additional_properties = d
        return acs_health

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
