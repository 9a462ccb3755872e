"""Log events: a stable name, then key=value fields. Used by both programs.

``segment_uploaded call=3f2 bytes=960044`` can be found by its name and parsed by Kusto's
``parse-kv``. A value with anything but plain printable characters is written as a JSON string, so
text from a peer can neither leave its field nor start a new line. Of a phone number, which such a
text may contain, only the last two digits are written.
"""

from __future__ import annotations

import json
import logging
import re

_PLAIN = re.compile(r"[!#-<>-~]+", re.ASCII)
"""Printable ASCII without space, quotation mark and equals sign."""

_PHONE_NUMBER = re.compile(
    r"(\+|%2B|\b4(?::|%3A))[0-9]{3,13}(?=[0-9]{2})", re.ASCII | re.IGNORECASE
)
"""All but the last two digits, in the text itself and in a URL."""


def log_event(
    logger: logging.Logger,
    level: int,
    event: str,
    *,
    exc_info: bool | BaseException | None = None,
    **fields: object,
) -> None:
    """Log one event.

    Args:
        logger: The module's own logger.
        level: One of ``logging``'s levels, such as ``logging.INFO``.
        event: The stable name, in snake_case: what happened.
        exc_info: As in ``logging``: True adds the traceback of the exception being handled.
        fields: Its fields, in the order of the line; None is written as ``-``.
    """
    if logger.isEnabledFor(level):
        logger.log(level, "%s", format_event(event, fields), exc_info=exc_info, stacklevel=2)


def format_event(event: str, fields: dict[str, object]) -> str:
    """Return the line of an event: its name, then its fields as ``key=value``."""
    return " ".join([event, *(f"{key}={_format_value(value)}" for key, value in fields.items())])


def mask_phone_numbers(text: str) -> str:
    """Return a text as events show it: only the last two digits of each phone number are left."""
    return _PHONE_NUMBER.sub(r"\1***", text)


def _format_value(value: object) -> str:
    text = "-" if value is None else mask_phone_numbers(str(value))
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
