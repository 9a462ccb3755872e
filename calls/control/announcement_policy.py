"""Which announcement a call has: its own, that of the settings, or none. Pure.

A URL of an audio file must be on ANNOUNCEMENT_HOSTS, and has no query: ACS fetches the file without
credentials, and the URL is kept in the call's record, so it must not be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from acs.identifiers import one_line
from calls.locales import parse_locale
from calls.records.announcement import Announcement
from calls.settings import VOICE_PATTERN, Settings

AddError = Callable[[str, str], None]
"""Reports a fault of a member of the announcement: its name, and the message."""


class AnnouncementRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The announcement that a call asks for, as it was sent."""

    text: str | None = None
    url: str | None = None
    voice: str | None = None
    locale: str | None = None
    required: bool = True


def setting_announcement(settings: Settings) -> Announcement | None:
    """Return the announcement of calls that have none of their own; None without one."""
    if settings.announcement == "off" or not (
        settings.announcement_text or settings.announcement_url
    ):
        return None
    return Announcement(
        policy=settings.announcement,
        source="setting",
        text=settings.announcement_text or None,
        url=settings.announcement_url or None,
        voice=settings.announcement_voice or None,
        locale=settings.announcement_locale if settings.announcement_text else None,
    )


def announcement_endpoint(settings: Settings, announcement: Announcement | None) -> str | None:
    """Return the Azure AI resource that speaks an announcement, if the settings have one."""
    if announcement is None or announcement.text is None:
        return None
    return settings.cognitive_services_endpoint or None


def call_announcement(
    request: AnnouncementRequest, settings: Settings, add_error: AddError
) -> Announcement:
    """Return the announcement that a call asks for, and report its faults."""
    if (request.text is None) == (request.url is None):
        add_error("text", "an announcement has either a text or a url")
    if request.text is not None and one_line(request.text) != request.text:
        add_error("text", "must be one line")
    if request.url is not None and not settings.permits_announcement_file(request.url):
        add_error("url", "must be https:// with a host of ANNOUNCEMENT_HOSTS and a path only")
    if request.voice is not None and re.fullmatch(VOICE_PATTERN, request.voice) is None:
        add_error("voice", "must be the name of a voice, such as en-US-AvaMultilingualNeural")
    locale = None
    if request.text is not None:
        try:
            locale = parse_locale(request.locale or settings.announcement_locale)
        except ValueError as error:
            add_error("locale", str(error))
    if settings.announcement == "required" and not request.required:
        add_error("required", "must be true: ANNOUNCEMENT is required")
    return Announcement(
        policy="required" if request.required else "on",
        source="call",
        text=request.text,
        url=request.url,
        voice=request.voice,
        locale=locale,
    )
