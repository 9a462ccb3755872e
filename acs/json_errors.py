"""What msgspec raises when it decodes JSON from a stranger."""

from __future__ import annotations

import msgspec

JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Malformed or of the wrong shape; not UTF-8; nested too deeply."""
