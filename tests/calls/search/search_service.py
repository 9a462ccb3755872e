"""A stand-in for Azure AI Search, by the REST reference (2024-07-01) of the requests that we send.

Its index splits words at spaces, as the analyzer ``whitespace`` does. It understands the part of
Lucene's syntax and of OData that the app writes, and answers 400 to anything else.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

_PATH = "/indexes('transcripts')"
_PART = re.compile(r'"([^"\s]+(?: [^"\s]+)*)"|([^\s"*]+)\*')
_FILTER = re.compile(
    r"(?:\(|\)| and | or |(?:created_at|duration|duration_last|id) (?:eq|lt|gt|ge) "
    r"(?:-?[0-9]+|'[A-Za-z0-9_-]+'))+"
)


class Token(SansIOHTTPPolicy):
    """Adds a token: the SDK's own policy refuses to send one without TLS."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.http_request.headers["Authorization"] = "Bearer token"


class StandIn:
    """One service with at most one index. ``failing`` documents are refused as too busy."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.schema: dict[str, Any] | None = None
        self.searches: list[dict[str, Any]] = []
        self.failing = False
        self.endpoint = ""
        self._runner: web.AppRunner

    async def start(self) -> None:
        application = web.Application(middlewares=[_check])
        application.router.add_put(_PATH, self._create)
        application.router.add_post(f"{_PATH}/docs/search.index", self._index)
        application.router.add_post(f"{_PATH}/docs/search.post.search", self._search)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.endpoint = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _create(self, request: web.Request) -> web.Response:
        schema = await request.json()
        (key,) = (field["name"] for field in schema["fields"] if field.get("key"))
        assert key == "id"
        self.schema = schema
        return web.json_response(schema, status=201)

    async def _index(self, request: web.Request) -> web.Response:
        if self.schema is None:
            return web.json_response({"error": {"code": "", "message": "no index"}}, status=404)
        names = {field["name"] for field in self.schema["fields"]}
        results = []
        for action in (await request.json())["value"]:
            kind, key = action.pop("@search.action"), action["id"]
            assert action.keys() <= names
            status = 503 if self.failing else 200
            if status == 200 and kind == "upload":
                self.documents[key] = action
            elif status == 200:
                assert kind == "delete"
                self.documents.pop(key, None)
            results.append({"key": key, "status": status == 200, "statusCode": status})
        return web.json_response({"value": results}, status=207 if self.failing else 200)

    async def _search(self, request: web.Request) -> web.Response:
        if self.schema is None:
            return web.json_response({"error": {"code": "", "message": "no index"}}, status=404)
        body = await request.json()
        self.searches.append(body)
        assert (body["queryType"], body["searchMode"]) == ("full", "all")
        is_in_filter = _compile_filter(body.get("filter"))
        hits = [
            document
            for document in self.documents.values()
            if _has_words(body["search"], document["words"]) and is_in_filter(document)
        ]
        for clause in reversed(body["orderby"].split(", ")):
            name, direction = clause.split(" ")
            hits.sort(key=lambda hit: hit[name], reverse=direction == "desc")
        members = body["select"].split(",")
        assert "words" not in members
        value = [{name: hit[name] for name in members} for hit in hits[: body["top"]]]
        return web.json_response({"value": [{"@search.score": 1.0, **hit} for hit in value]})


@web.middleware
async def _check(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.query.get("api-version") != "2024-07-01":
        return web.json_response({}, status=400)
    if request.headers.get("Authorization") != "Bearer token":
        return web.json_response({}, status=403)
    response: web.StreamResponse = await handler(request)
    return response


def _has_words(search: str, words: str) -> bool:
    texts = words.split(" ")
    for part in search.split(" AND "):
        match = _PART.fullmatch(part)
        if match is None:
            raise web.HTTPBadRequest(text=f"not understood: {part}")
        if match[1] is not None and f" {match[1]} " not in f" {words} ":
            return False
        if match[2] is not None and not any(text.startswith(match[2]) for text in texts):
            return False
    return True


def _compile_filter(text: str | None) -> Any:
    if text is None:
        return lambda _: True
    if not _FILTER.fullmatch(text):
        raise web.HTTPBadRequest(text=f"not understood: {text}")
    for odata, python in ((" eq ", " == "), (" lt ", " < "), (" gt ", " > "), (" ge ", " >= ")):
        text = text.replace(odata, python)
    code = compile(text, "filter", "eval")
    return lambda document: eval(code, {"__builtins__": {}}, document)
