"""The smoke test: the deployed system answers, reaches its storage, and refuses strangers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from infra.probe import expect
from infra.shell import Shell, StepFailed, report

# A WebSocket handshake (RFC 6455) as ACS sends it, but without a bearer token. A streamer that
# learns refuses it for its stream token, which it looks up in Blob Storage with its identity.
_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "c21va2UtdGVzdC1rZXkhIQ==",
    "x-ms-call-connection-id": "smoke-test",
}

READERS = ("Listener", "Caller", "Auditor", "Admin")
"""The roles that may list calls, the weakest first."""


class Check(NamedTuple):
    """A check's description, and the call that raises StepFailed if it fails."""

    description: str
    run: Callable[[], Any]


def smoke_checks(
    app_url: str, streamer_url: str, credentials: dict[str, str] | None
) -> list[Check]:
    """Return the checks of a deployed system.

    Listing calls reads Blob Storage with the function app's identity. A streamer that answers was
    pulled from the registry with its own identity.

    Args:
        app_url: The function app's address.
        streamer_url: The streamer's address, wss://...
        credentials: Headers of a request that may list calls; None: it is not tried.
    """
    calls, callbacks = f"{app_url}/api/v1/calls", f"{app_url}/api/v1/callbacks"
    media = f"{streamer_url}/media/smoke-test"
    signed = [
        Check(
            "the app lists calls, with its identity",
            partial(expect, 200, "GET", f"{calls}?limit=1", credentials),
        )
    ]
    return [
        Check("the app answers", partial(expect, 200, "GET", f"{app_url}/api/v1/health")),
        *(signed if credentials else []),
        Check("a call without a key is refused", partial(expect, 401, "POST", calls, body=b"{}")),
        Check(
            "an unsigned callback event is refused",
            partial(expect, 401, "POST", callbacks, body=b"[]"),
        ),
        Check(
            "the streamer is ready, with its identity",
            partial(expect, 200, "GET", f"{streamer_url}/readyz"),
        ),
        Check("an unsigned handshake is refused", partial(expect, 401, "GET", media, _HANDSHAKE)),
    ]


def find_credentials(
    shell: Shell, app: str, group: str, roles: tuple[str, ...] = READERS
) -> dict[str, str] | None:
    """Return the headers of a request with one of some roles, or None if the user has none.

    A function key; or, where users sign in with Entra ID, a token of the user of az. Raises
    StepFailed if the app has no such key.
    """
    of_app = ("--name", app, "--resource-group", group)
    settings = {
        entry["name"]: entry["value"]
        for entry in shell.query_az("functionapp", "config", "appsettings", "list", *of_app)
    }
    if settings.get("AUTHENTICATION") == "entra":
        return _find_token(shell, app, group)
    keys = shell.query_az("functionapp", "keys", "list", *of_app, "--query", "functionKeys")
    names = roles if settings.get("FUNCTION_KEYS") else ("default", *roles)
    key = next((keys[name] for name in names if name in keys), None)
    if key is None:
        raise StepFailed(
            f"The app has no function key of the name {' or '.join(names)}.",
            "Run: infra/deploy keys",
        )
    return {"x-functions-key": key}


def _find_token(shell: Shell, app: str, group: str) -> dict[str, str] | None:
    in_app = ("--resource-group", group, "--resource-type", "Microsoft.Web/sites/config")
    try:
        sign_in = shell.query_az("resource", "show", *in_app, "--name", f"{app}/authsettingsV2")
        registration = sign_in["properties"]["identityProviders"]["azureActiveDirectory"][
            "registration"
        ]
        scope = f"api://{registration['clientId']}/.default"
        token = shell.query_az("account", "get-access-token", "--scope", scope)["accessToken"]
    except (StepFailed, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        report(f"  NOT checked: what needs a sign-in; az gets no token for the app ({reason})")
        return None
    return {"Authorization": f"Bearer {token}"}
