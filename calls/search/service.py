"""The data plane of Azure AI Search, of which this app needs four requests.

Source: https://learn.microsoft.com/rest/api/searchservice (2024-07-01), and the paths in the SDK's
client, ``azure-search-documents`` 12.0.0. That is 2 MB of models, so it is not used for so little.

Documents have exactly the words of ``calls.search.words``, so the index splits them at spaces and
changes nothing. Requests are written in Lucene's full syntax, of words that have no syntax in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azure.core import AsyncPipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import (
    AsyncBearerTokenCredentialPolicy,
    AsyncRetryPolicy,
    RequestIdPolicy,
    UserAgentPolicy,
)
from azure.core.rest import HttpRequest

from calls.search.query import Term

API_VERSION = "2024-07-01"
INDEX = "transcripts"
SCOPE = "https://search.azure.com/.default"
MAX_HITS = 1000
"""The most that the service returns at once."""

_PATH = f"/indexes('{INDEX}')"
_NOT_FOUND = 404
_NUMBER = {"type": "Edm.Int64", "filterable": True, "sortable": True, "searchable": False}
_SCHEMA: dict[str, Any] = {
    "name": INDEX,
    "fields": [
        {
            "name": "id",
            "type": "Edm.String",
            "key": True,
            "filterable": True,
            "sortable": True,
            "searchable": False,
        },
        {"name": "created_at", **_NUMBER},
        {"name": "duration", **_NUMBER},
        {"name": "duration_last", **_NUMBER},
        # Not retrievable: nobody gets a transcript from here.
        {
            "name": "words",
            "type": "Edm.String",
            "searchable": True,
            "retrievable": False,
            "analyzer": "whitespace",
        },
    ],
}


class SearchService:
    """The index of transcripts in a search service. It is created when it is first needed.

    Args:
        endpoint: The service's endpoint: ``https://NAME.search.windows.net``.
        credential: An asynchronous token credential.
        policies: Those of the requests, for tests; None: with the credential's tokens.
    """

    def __init__(self, endpoint: str, credential: Any, policies: list[Any] | None = None) -> None:
        if policies is None:
            policies = [
                RequestIdPolicy(),
                UserAgentPolicy("call-audio"),
                AsyncRetryPolicy(retry_total=2),
                AsyncBearerTokenCredentialPolicy(credential, SCOPE),
            ]
        self._client: Any = AsyncPipelineClient(endpoint.rstrip("/"), policies=policies)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def upload(self, document: Mapping[str, Any]) -> None:
        """Write a document, instead of the one of the same id. Raises AzureError."""
        await self._index({"@search.action": "upload", **document})

    async def delete(self, call: str) -> None:
        """Delete a call's document, if there is one. Raises AzureError."""
        await self._index({"@search.action": "delete", "id": call})

    async def search(
        self, terms: Sequence[Term], filter_: str, order: str, top: int
    ) -> list[dict[str, Any]]:
        """Search; return ids and the numbers by which they are sorted. Raises AzureError.

        Args:
            terms: What all documents must have.
            filter_: An OData filter; empty for none.
            order: The OData order.
            top: The most documents to return, up to ``MAX_HITS``.
        """
        body: dict[str, Any] = {
            "search": to_lucene(terms),
            "queryType": "full",
            "searchMode": "all",
            "searchFields": "words",
            "select": "id,created_at,duration,duration_last",
            "orderby": order,
            "top": top,
        }
        if filter_:
            body["filter"] = filter_
        try:
            answer = await self._send("POST", f"{_PATH}/docs/search.post.search", body)
        except HttpResponseError as error:
            if error.status_code != _NOT_FOUND:
                raise
            # No transcript has been indexed yet.
            return []
        hits: list[dict[str, Any]] = answer["value"]
        return hits

    async def _index(self, action: dict[str, Any]) -> None:
        path, body = f"{_PATH}/docs/search.index", {"value": [action]}
        try:
            answer = await self._send("POST", path, body)
        except HttpResponseError as error:
            if error.status_code != _NOT_FOUND:
                raise
            await self._send("PUT", _PATH, _SCHEMA)
            answer = await self._send("POST", path, body)
        (result,) = answer["value"]
        # 207: the request succeeded, and its action did not.
        if not result["status"] and result.get("statusCode") != _NOT_FOUND:
            raise HttpResponseError(
                f"the search service refused a document: {result['statusCode']}"
            )

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        request = HttpRequest(
            method,
            path,
            params={"api-version": API_VERSION},
            headers={"Accept": "application/json;odata.metadata=none"},
            json=body,
        )
        request.url = self._client.format_url(request.url)
        response = await self._client.send_request(request)
        response.raise_for_status()
        return response.json() if response.content else None


def to_lucene(terms: Sequence[Term]) -> str:
    """Return terms in Lucene's syntax. A phrase whose last word may go on is more than it says.

    Lucene has no such phrases: its words are searched as a phrase and a prefix. Whoever reads the
    transcript sees whether they belong together.
    """
    parts = []
    for words, is_prefix in terms:
        *firsts, last = words
        if not is_prefix:
            parts.append(f'"{" ".join(words)}"')
            continue
        if firsts:
            parts.append(f'"{" ".join(firsts)}"')
        parts.append(f"{last}*")
    return " AND ".join(parts)
