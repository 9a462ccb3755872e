"""Event Grid triggers: the extension's webhook, as the real host has it.

Source: ``Microsoft.Azure.WebJobs.Extensions.EventGrid``: the validation is answered by the
extension itself; 202 when the function has run for every event, 500 where it failed for one. There
is no queue in between: Event Grid tries again, and gives up.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging

from aiohttp import web
from azure_functions_runtime.bindings.datumdef import Datum

from local.host.http import Keys
from local.host.worker import Function, InvocationError, invoke

WEBHOOK = "/runtime/webhooks/EventGrid"

_log = logging.getLogger(__name__)


def add_route(app: web.Application, functions: list[Function], keys: Keys) -> None:
    """Serve every Event Grid trigger."""
    triggers = {f.name: f for f in functions if f.kind == "eventGridTrigger"}

    async def webhook(request: web.Request) -> web.Response:
        code = request.query.get("code", "")
        if not hmac.compare_digest(code.encode(), keys.eventgrid_extension.encode()):
            # The path only: a key may be in the query.
            _log.warning("refused entrance=host status=401 reason=key detail=%s", WEBHOOK)
            return web.Response(status=401)
        function = triggers.get(request.query.get("functionName", ""))
        if function is None:
            return web.Response(status=404)
        kind = request.headers.get("aeg-event-type", "").lower()
        try:
            events = json.loads(await request.read())
            if kind == "subscriptionvalidation":
                answer = {"validationResponse": events[0]["data"]["validationCode"]}
                return web.json_response(answer)
            if kind != "notification" or not isinstance(events, list):
                return web.Response(status=400)
        except (ValueError, LookupError, TypeError):
            return web.Response(status=400)
        ran = await asyncio.gather(
            *(invoke(function, Datum(json.dumps(event), "json")) for event in events),
            return_exceptions=True,
        )
        failed = [error for error in ran if isinstance(error, BaseException)]
        for error in failed:
            if not isinstance(error, InvocationError):
                raise error
            _log.error("%s failed:\n%s", function.name, error)
        return web.Response(status=500 if failed else 202)

    app.router.add_post(WEBHOOK, webhook)
