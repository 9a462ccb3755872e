"""The announcement that the body of ``POST /api/v1/calls`` asks for."""

from __future__ import annotations

from calls.control.announcement_policy import (
    AnnouncementRequest,
    call_announcement,
    setting_announcement,
)
from calls.http.requests import Fields
from calls.records.announcement import Announcement
from calls.settings import MAX_ANNOUNCEMENT_CHARACTERS, Settings

_FIELD = "announcement"


def take_announcement(
    fields: Fields, settings: Settings, endpoint: str | None
) -> Announcement | None:
    """Take ``announcement``: the call's own, else that of the settings, if there is one.

    Args:
        fields: The members of the body.
        settings: The app's settings.
        endpoint: The call's own ``cognitive_services_endpoint``.
    """
    members = fields.take_fields(_FIELD)
    if members is None:
        announcement = setting_announcement(settings)
        if announcement is None and settings.announcement == "required":
            fields.add_error(
                _FIELD,
                "is required: ANNOUNCEMENT is required, and the settings have no text or file",
            )
        return announcement
    request = AnnouncementRequest(
        text=members.take_text("text", MAX_ANNOUNCEMENT_CHARACTERS),
        url=members.take_text("url"),
        voice=members.take_text("voice"),
        locale=members.take_text("locale"),
        required=members.take_choice("required", (True, False)),
    )

    def add_error(member: str, message: str) -> None:
        if all(error["field"] != member for error in members.errors):
            members.add_error(member, message)

    announcement = call_announcement(request, settings, add_error)
    if request.text is not None and not (endpoint or settings.cognitive_services_endpoint):
        add_error("text", "needs a cognitive_services_endpoint that speaks it")
    fields.add_errors_of(_FIELD, members)
    return announcement
