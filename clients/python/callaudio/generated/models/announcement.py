from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.announcement_policy import AnnouncementPolicy, check_announcement_policy
from ..models.announcement_source import AnnouncementSource, check_announcement_source
from ..models.announcement_state import AnnouncementState, check_announcement_state

if TYPE_CHECKING:
    from ..models.play import Play


T = TypeVar("T", bound="Announcement")


@_attrs_define
class Announcement:
    """What is played before the call is recorded: a text that is spoken, or a file.

    Attributes:
        policy (AnnouncementPolicy):
        source (AnnouncementSource):
        state (AnnouncementState):
        text (None | str):
        url (None | str):
        voice (None | str):
        locale (None | str):
        plays (list[Play]):
    """

    policy: AnnouncementPolicy
    source: AnnouncementSource
    state: AnnouncementState
    text: None | str
    url: None | str
    voice: None | str
    locale: None | str
    plays: list[Play]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        policy: str = self.policy

        source: str = self.source

        state: str = self.state

        text: None | str
        text = self.text

        url: None | str
        url = self.url

        voice: None | str
        voice = self.voice

        locale: None | str
        locale = self.locale

        plays = []
        for plays_item_data in self.plays:
            plays_item = plays_item_data.to_dict()
            plays.append(plays_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "policy": policy,
                "source": source,
                "state": state,
                "text": text,
                "url": url,
                "voice": voice,
                "locale": locale,
                "plays": plays,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.play import Play  # noqa: PLC0415

        d = dict(src_dict)
        policy = check_announcement_policy(d.pop("policy"))

        source = check_announcement_source(d.pop("source"))

        state = check_announcement_state(d.pop("state"))

        def _parse_text(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        text = _parse_text(d.pop("text"))

        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))

        def _parse_voice(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        voice = _parse_voice(d.pop("voice"))

        def _parse_locale(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        locale = _parse_locale(d.pop("locale"))

        plays = []
        _plays = d.pop("plays")
        for plays_item_data in _plays:
            plays_item = Play.from_dict(plays_item_data)

            plays.append(plays_item)

        announcement = cls(
            policy=policy,
            source=source,
            state=state,
            text=text,
            url=url,
            voice=voice,
            locale=locale,
            plays=plays,
        )

        announcement.additional_properties = d
        return announcement

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
