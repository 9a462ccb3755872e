"""Event Grid triggers: the extension's webhook.

Source: ``Microsoft.Azure.WebJobs.Extensions.EventGrid``. The extension answers the validation
itself. It answers 202 when the function has run for every event, and 500 when it failed for one.
It has no queue: retries are up to Event Grid.
"""

from __future__ import annotations

import asyncio
import hmac
import json

from aiohttp import web
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.http import Keys, refuse
from local.host.worker import Function, InvocationError, invoke, log_failure

WEBHOOK = "/runtime/webhooks/EventGrid"


def add_route(app: web.Application, functions: list[Function], keys: Keys) -> None:
    """Serve every Event Grid trigger."""
    triggers = {f.name: f for f in functions if f.kind == "eventGridTrigger"}

    async def webhook(request: web.Request) -> web.Response:
        code = request.query.get("code", "")
        if not hmac.compare_digest(code.encode(), keys.eventgrid_extension.encode()):
            return refuse(WEBHOOK, "key")
        function = triggers.get(request.query.get("functionName", ""))
        if function is None:
            return web.Response(status=404)
        kind = request.headers.get("aeg-event-type", "").lower()
        try:
            events = json.loads(await request.read())
            if kind == "subscriptionvalidation":
                code = events[0]["data"]["validationCode"]
                return web.json_response({"validationResponse": code})
            if kind != "notification" or not isinstance(events, list):
                return web.Response(status=400)
        except (ValueError, LookupError, TypeError):
            return web.Response(status=400)
        results = await asyncio.gather(
            *(invoke(function, Datum(json.dumps(event), "json")) for event in events),
            return_exceptions=True,
        )
        errors = [error for error in results if isinstance(error, BaseException)]
        for error in errors:
            if not isinstance(error, InvocationError):
                raise error
            log_failure(function, error)
        return web.Response(status=500 if errors else 202)

    app.router.add_post(WEBHOOK, webhook)
