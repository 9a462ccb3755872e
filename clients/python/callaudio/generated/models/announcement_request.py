from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="AnnouncementRequest")


@_attrs_define
class AnnouncementRequest:
    """what is played to all before the call is recorded: a text or a file; default: that of the settings, if
    `ANNOUNCEMENT` is not off

        Attributes:
            text (None | str | Unset): one line, spoken by `cognitive_services_endpoint`
            url (None | str | Unset): a WAV file on one of `ANNOUNCEMENT_HOSTS`
            voice (None | str | Unset):
            locale (None | str | Unset):
            required (bool | Unset): if it cannot be played, nobody is recorded Default: True.
    """

    text: None | str | Unset = UNSET
    url: None | str | Unset = UNSET
    voice: None | str | Unset = UNSET
    locale: None | str | Unset = UNSET
    required: bool | Unset = True

    def to_dict(self) -> dict[str, Any]:
        text: None | str | Unset
        if isinstance(self.text, Unset):
            text = UNSET
        else:
            text = self.text

        url: None | str | Unset
        if isinstance(self.url, Unset):
            url = UNSET
        else:
            url = self.url

        voice: None | str | Unset
        if isinstance(self.voice, Unset):
            voice = UNSET
        else:
            voice = self.voice

        locale: None | str | Unset
        if isinstance(self.locale, Unset):
            locale = UNSET
        else:
            locale = self.locale

        required = self.required

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if text is not UNSET:
            field_dict["text"] = text
        if url is not UNSET:
            field_dict["url"] = url
        if voice is not UNSET:
            field_dict["voice"] = voice
        if locale is not UNSET:
            field_dict["locale"] = locale
        if required is not UNSET:
            field_dict["required"] = required

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_text(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        text = _parse_text(d.pop("text", UNSET))

        def _parse_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        url = _parse_url(d.pop("url", UNSET))

        def _parse_voice(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        voice = _parse_voice(d.pop("voice", UNSET))

        def _parse_locale(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        locale = _parse_locale(d.pop("locale", UNSET))

        required = d.pop("required", UNSET)

        announcement_request = cls(
            text=text,
            url=url,
            voice=voice,
            locale=locale,
            required=required,
        )

        return announcement_request
