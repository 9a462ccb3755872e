from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.channels import Channels, check_channels
from ..models.dtmf_mode import DtmfMode, check_dtmf_mode
from ..models.sample_rate import SampleRate, check_sample_rate
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.announcement_request import AnnouncementRequest
    from ..models.display_names import DisplayNames


T = TypeVar("T", bound="PlaceCall")


@_attrs_define
class PlaceCall:
    """
    Attributes:
        to (str): a phone number (E.164), or the raw id of a user or app
        from_ (None | str | Unset): the caller id; required to call a phone number
        names (DisplayNames | None | Unset): the participants' display names, by phone number or raw id
        locale (list[str] | None | str | Unset): the language: a BCP 47 locale, a list of candidates, or auto
        channels (Channels | Unset):
        sample_rate (SampleRate | Unset):
        start_streaming (bool | Unset): start streaming when the call connects Default: True.
        announcement (AnnouncementRequest | None | Unset): what is played to all before the call is recorded: a text or
            a file; default: that of the settings, if `ANNOUNCEMENT` is not off
        webhook_url (None | str | Unset): gets the call's events: a path on one of `WEBHOOK_HOSTS`
        retention_days (int | None | Unset): how long to keep the call after its end; null: as the settings say
        dtmf (DtmfMode | Unset):
        tags (list[str] | None | Unset): one line each
        notes (None | str | Unset): text of any number of lines
        operation_context (None | str | Unset): text that ACS returns in its events
        cognitive_services_endpoint (None | str | Unset): the Azure AI resource that ACS connects to the call: a host of
            `*.cognitiveservices.azure.com`, `*.services.ai.azure.com` or `COGNITIVE_SERVICES_HOSTS`
    """

    to: str
    from_: None | str | Unset = UNSET
    names: DisplayNames | None | Unset = UNSET
    locale: list[str] | None | str | Unset = UNSET
    channels: Channels | Unset = UNSET
    sample_rate: SampleRate | Unset = UNSET
    start_streaming: bool | Unset = True
    announcement: AnnouncementRequest | None | Unset = UNSET
    webhook_url: None | str | Unset = UNSET
    retention_days: int | None | Unset = UNSET
    dtmf: DtmfMode | Unset = UNSET
    tags: list[str] | None | Unset = UNSET
    notes: None | str | Unset = UNSET
    operation_context: None | str | Unset = UNSET
    cognitive_services_endpoint: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.announcement_request import AnnouncementRequest  # noqa: PLC0415
        from ..models.display_names import DisplayNames  # noqa: PLC0415

        to: str
        to = self.to

        from_: None | str | Unset
        if isinstance(self.from_, Unset):
            from_ = UNSET
        else:
            from_ = self.from_

        names: dict[str, Any] | None | Unset
        if isinstance(self.names, Unset):
            names = UNSET
        elif isinstance(self.names, DisplayNames):
            names = self.names.to_dict()
        else:
            names = self.names

        locale: list[str] | None | str | Unset
        if isinstance(self.locale, Unset):
            locale = UNSET
        elif isinstance(self.locale, list):
            locale = self.locale

        else:
            locale = self.locale

        channels: str | Unset = UNSET
        if not isinstance(self.channels, Unset):
            channels = self.channels

        sample_rate: int | Unset = UNSET
        if not isinstance(self.sample_rate, Unset):
            sample_rate = self.sample_rate

        start_streaming = self.start_streaming

        announcement: dict[str, Any] | None | Unset
        if isinstance(self.announcement, Unset):
            announcement = UNSET
        elif isinstance(self.announcement, AnnouncementRequest):
            announcement = self.announcement.to_dict()
        else:
            announcement = self.announcement

        webhook_url: None | str | Unset
        if isinstance(self.webhook_url, Unset):
            webhook_url = UNSET
        else:
            webhook_url = self.webhook_url

        retention_days: int | None | Unset
        if isinstance(self.retention_days, Unset):
            retention_days = UNSET
        else:
            retention_days = self.retention_days

        dtmf: str | Unset = UNSET
        if not isinstance(self.dtmf, Unset):
            dtmf = self.dtmf

        tags: list[str] | None | Unset
        if isinstance(self.tags, Unset):
            tags = UNSET
        elif isinstance(self.tags, list):
            tags = self.tags

        else:
            tags = self.tags

        notes: None | str | Unset
        if isinstance(self.notes, Unset):
            notes = UNSET
        else:
            notes = self.notes

        operation_context: None | str | Unset
        if isinstance(self.operation_context, Unset):
            operation_context = UNSET
        else:
            operation_context = self.operation_context

        cognitive_services_endpoint: None | str | Unset
        if isinstance(self.cognitive_services_endpoint, Unset):
            cognitive_services_endpoint = UNSET
        else:
            cognitive_services_endpoint = self.cognitive_services_endpoint

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "to": to,
            }
        )
        if from_ is not UNSET:
            field_dict["from"] = from_
        if names is not UNSET:
            field_dict["names"] = names
        if locale is not UNSET:
            field_dict["locale"] = locale
        if channels is not UNSET:
            field_dict["channels"] = channels
        if sample_rate is not UNSET:
            field_dict["sample_rate"] = sample_rate
        if start_streaming is not UNSET:
            field_dict["start_streaming"] = start_streaming
        if announcement is not UNSET:
            field_dict["announcement"] = announcement
        if webhook_url is not UNSET:
            field_dict["webhook_url"] = webhook_url
        if retention_days is not UNSET:
            field_dict["retention_days"] = retention_days
        if dtmf is not UNSET:
            field_dict["dtmf"] = dtmf
        if tags is not UNSET:
            field_dict["tags"] = tags
        if notes is not UNSET:
            field_dict["notes"] = notes
        if operation_context is not UNSET:
            field_dict["operation_context"] = operation_context
        if cognitive_services_endpoint is not UNSET:
            field_dict["cognitive_services_endpoint"] = cognitive_services_endpoint

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.announcement_request import AnnouncementRequest  # noqa: PLC0415
        from ..models.display_names import DisplayNames  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_to(data: object) -> str:
            return cast(str, data)

        to = _parse_to(d.pop("to"))

        def _parse_from_(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        from_ = _parse_from_(d.pop("from", UNSET))

        def _parse_names(data: object) -> DisplayNames | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_display_names_type_0 = DisplayNames.from_dict(data)

                return componentsschemas_display_names_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DisplayNames | None | Unset, data)

        names = _parse_names(d.pop("names", UNSET))

        def _parse_locale(data: object) -> list[str] | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                locale_type_1 = cast(list[str], data)

                return locale_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | str | Unset, data)

        locale = _parse_locale(d.pop("locale", UNSET))

        _channels = d.pop("channels", UNSET)
        channels: Channels | Unset
        if isinstance(_channels, Unset):
            channels = UNSET
        else:
            channels = check_channels(_channels)

        _sample_rate = d.pop("sample_rate", UNSET)
        sample_rate: SampleRate | Unset
        if isinstance(_sample_rate, Unset):
            sample_rate = UNSET
        else:
            sample_rate = check_sample_rate(_sample_rate)

        start_streaming = d.pop("start_streaming", UNSET)

        def _parse_announcement(data: object) -> AnnouncementRequest | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                componentsschemas_announcement_request_type_0 = AnnouncementRequest.from_dict(data)

                return componentsschemas_announcement_request_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AnnouncementRequest | None | Unset, data)

        announcement = _parse_announcement(d.pop("announcement", UNSET))

        def _parse_webhook_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        webhook_url = _parse_webhook_url(d.pop("webhook_url", UNSET))

        def _parse_retention_days(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        retention_days = _parse_retention_days(d.pop("retention_days", UNSET))

        _dtmf = d.pop("dtmf", UNSET)
        dtmf: DtmfMode | Unset
        if isinstance(_dtmf, Unset):
            dtmf = UNSET
        else:
            dtmf = check_dtmf_mode(_dtmf)

        def _parse_tags(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                tags_type_0 = cast(list[str], data)

                return tags_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        tags = _parse_tags(d.pop("tags", UNSET))

        def _parse_notes(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        notes = _parse_notes(d.pop("notes", UNSET))

        def _parse_operation_context(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        operation_context = _parse_operation_context(d.pop("operation_context", UNSET))

        def _parse_cognitive_services_endpoint(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cognitive_services_endpoint = _parse_cognitive_services_endpoint(
            d.pop("cognitive_services_endpoint", UNSET)
        )

        place_call = cls(
            to=to,
            from_=from_,
            names=names,
            locale=locale,
            channels=channels,
            sample_rate=sample_rate,
            start_streaming=start_streaming,
            announcement=announcement,
            webhook_url=webhook_url,
            retention_days=retention_days,
            dtmf=dtmf,
            tags=tags,
            notes=notes,
            operation_context=operation_context,
            cognitive_services_endpoint=cognitive_services_endpoint,
        )

        return place_call
