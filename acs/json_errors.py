"""The exceptions that msgspec raises when it decodes untrusted JSON."""

from __future__ import annotations

import msgspec

JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Malformed or of the wrong shape; not UTF-8; nested too deeply."""
