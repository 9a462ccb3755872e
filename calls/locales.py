"""The languages of a call: a locale, several candidates, or automatic detection. Pure.

Sources: BCP 47 (RFC 5646), without extensions and private use; Azure's
``configure-language-identification-diarization`` for candidates and detection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

AUTO = "auto"
"""In place of a locale: the engine detects the language."""

MAX_CANDIDATES = 10

LOCALE_PATTERN = (
    "[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
    "(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*"
)
"""Language, script, region and variants, such as ``en-US``, ``sr-Latn-RS``, ``es-419``."""

_LOCALE = re.compile(LOCALE_PATTERN, re.ASCII)
_SCRIPT_LETTERS, _REGION_LETTERS = 4, 2


def parse_locales(candidates: Iterable[str]) -> list[str]:
    """Parse the locales of a call.

    Args:
        candidates: One locale, several candidates, or ``auto`` alone.

    Returns:
        Each of them once, in the usual case: ``en-US``.

    Raises ValueError, which says what is wrong.
    """
    locales: list[str] = []
    for candidate in candidates:
        if candidate != AUTO and not _LOCALE.fullmatch(candidate):
            raise ValueError("must be BCP 47 locales such as en-US, or auto")
        locale = candidate if candidate == AUTO else _to_usual_case(candidate)
        if locale not in locales:
            locales.append(locale)
    if not 1 <= len(locales) <= MAX_CANDIDATES:
        raise ValueError(f"must be 1 to {MAX_CANDIDATES} locales")
    if AUTO in locales and len(locales) > 1:
        raise ValueError("must be auto alone, or locales without it")
    return locales


def parse_locale(text: str) -> str:
    """Parse one locale, in which a text is spoken. Raises ValueError."""
    if text == AUTO:
        raise ValueError("must be a BCP 47 locale such as en-US")
    (locale,) = parse_locales([text])
    return locale


def parse_setting(text: str) -> list[str]:
    """Parse the text of a setting: ``en-US``, ``en-US,de-DE`` or ``auto``. Raises ValueError."""
    return parse_locales(entry.strip() for entry in text.split(","))


def without_auto(locales: Sequence[str]) -> list[str]:
    """Return the candidates that an engine may choose from; [] for any language."""
    return [locale for locale in locales if locale != AUTO]


def language_of(locale: str) -> str:
    """Return a locale's language: ``en`` of ``en-US``."""
    return locale.partition("-")[0].lower()


def _to_usual_case(locale: str) -> str:
    """Write the language in small letters, the script capitalized, the region in capitals."""
    language, *others = locale.split("-")
    return "-".join([language.lower(), *map(_subtag_to_usual_case, others)])


def _subtag_to_usual_case(subtag: str) -> str:
    if len(subtag) == _SCRIPT_LETTERS and subtag.isalpha():
        return subtag.capitalize()
    return subtag.upper() if len(subtag) == _REGION_LETTERS else subtag.lower()
