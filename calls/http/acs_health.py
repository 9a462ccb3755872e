"""What ACS's bearer tokens are like, for whoever decides whether to require that they are right."""

from __future__ import annotations

from typing import Annotated

import azure.functions as func
import msgspec
from msgspec import Meta

from calls.clients import Clients
from calls.http.documents import Time, show
from calls.http.respond import json_response
from calls.settings import TokenCheck
from calls.token_findings import Findings, advise, read_findings
from contract.token_findings import TokenFinding


class AcsToken(msgspec.Struct, kw_only=True):
    """What a bearer token says. Unless ``is_signed``, ACS's keys do not vouch for it."""

    at: Time
    failed: (
        Annotated[str, Meta(description="the check that it fails", examples=["audience"])] | None
    )
    is_signed: bool
    algorithm: str | None
    issuer: str | None
    audience: str | None
    lifetime_seconds: int | None
    claims: Annotated[list[str], Meta(description="the names of its claims")]
    header: Annotated[list[str], Meta(description="the names of its header's members")]


class AcsEntrance(msgspec.Struct, kw_only=True):
    """The newest token that was as documented, and the newest one that was not."""

    as_documented: AcsToken | None
    different: AcsToken | None


class AcsHealth(msgspec.Struct, kw_only=True):
    """What ACS's tokens are like, and what to set. ``check`` is ``CALLBACK_TOKEN_CHECK``."""

    check: TokenCheck
    media: AcsEntrance
    callbacks: AcsEntrance
    require_is_safe: bool
    setting: (
        Annotated[
            str,
            Meta(
                description="what to set for infra/deploy now", examples=["ACS_TOKEN_CHECK=require"]
            ),
        ]
        | None
    )
    advice: Annotated[list[str], Meta(description="the same for people")]


async def show_acs_health(clients: Clients, _: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/health/acs``: what was found in ACS's tokens, and what to set.

    Raises AzureError.
    """
    media = await read_findings(clients.storage, "media")
    callbacks = await read_findings(clients.storage, "callbacks")
    check = clients.settings.callback_token_check
    advice = advise(check, {"media": media, "callbacks": callbacks})
    return json_response(
        AcsHealth(
            check=check,
            media=_show(media),
            callbacks=_show(callbacks),
            require_is_safe=advice.require_is_safe,
            setting=advice.setting,
            advice=advice.sentences,
        )
    )


def _show(findings: Findings) -> AcsEntrance:
    def show_token(finding: TokenFinding | None) -> AcsToken | None:
        return None if finding is None else show(AcsToken, finding)

    return AcsEntrance(
        as_documented=show_token(findings.as_documented), different=show_token(findings.different)
    )
