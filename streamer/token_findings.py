"""What the mode ``learn`` finds in the bearer tokens of handshakes, told in the log and in a blob.

The app reads the blob (``contract/token_findings.py``): the two programs meet only in Blob Storage.
A handshake does not wait for the write.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from azure.core.exceptions import AzureError

from acs.tokens import Examination
from contract.token_findings import FindingFilter, TokenFinding, describe_token
from event_log import log_event
from streamer.chores import Chores
from streamer.refusals import log_limited
from streamer.storage import Storage

_log = logging.getLogger(__name__)


class TokenFindings:
    """Tells what the tokens of admitted handshakes say. Never the tokens themselves."""

    def __init__(self, storage: Storage, chores: Chores) -> None:
        self._storage = storage
        self._chores = chores
        self._filter = FindingFilter()

    def report(self, examination: Examination) -> None:
        """Log what a token says if it is not as documented, and write it where the app reads it."""
        finding = describe_token(examination, datetime.now(UTC))
        if finding.failed is not None:
            log_limited(
                logging.WARNING,
                "acs_token_different",
                entrance="media",
                **finding.log_fields,
            )
        if self._filter.is_news(finding):
            self._chores.start(self._write(finding), "token_finding")

    async def _write(self, finding: TokenFinding) -> None:
        try:
            await self._storage.write_token_finding(finding)
        except AzureError as error:
            self._filter.forget()
            cause = type(error).__name__
            log_event(_log, logging.WARNING, "token_finding_failed", exc_info=None, error=cause)
