"""What is raised where bytes are no JSON of the wanted shape."""

from __future__ import annotations

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""The last comes of brackets in brackets, too deep to follow."""
