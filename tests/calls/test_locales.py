"""Locales of calls: their form, candidates and automatic detection."""

from __future__ import annotations

import pytest

from calls import locales


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        (["en-US"], ["en-US"]),
        (["EN-us", "de-de", "en-US"], ["en-US", "de-DE"]),
        (["en", "yue-CN"], ["en", "yue-CN"]),
        (["SR-latn-rs", "es-419", "zh-CN-Shandong", "de-1996"], None),
        (["auto"], ["auto"]),
        (["auto", "auto"], ["auto"]),
    ],
)
def test_locales(candidates: list[str], expected: list[str] | None) -> None:
    usual_case = ["sr-Latn-RS", "es-419", "zh-CN-shandong", "de-1996"]
    assert locales.parse_locales(candidates) == (expected or usual_case)


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "must be 1 to 10 locales"),
        ([f"en-{n:03}" for n in range(11)], "must be 1 to 10 locales"),
        (["auto", "en-US"], "must be auto alone"),
        *(
            ([wrong], "must be BCP 47 locales")
            for wrong in ("", "e", "english", "en_US", "en-U", "en-US-", "en US", "en-US\n", "én")
        ),
    ],
)
def test_other_texts_are_refused(candidates: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        locales.parse_locales(candidates)


def test_the_text_of_a_setting() -> None:
    assert locales.parse_setting("auto") == ["auto"]
    assert locales.parse_setting(" en-US , de-DE") == ["en-US", "de-DE"]
    for wrong in ("", "en-US,", "en-US;de-DE"):
        with pytest.raises(ValueError, match="must be BCP 47"):
            locales.parse_setting(wrong)


def test_an_engine_may_choose_from_the_candidates_or_from_all_languages() -> None:
    assert locales.without_auto(["auto"]) == []
    assert locales.without_auto(["en-US", "de-DE"]) == ["en-US", "de-DE"]


def test_the_language_of_a_locale() -> None:
    assert [locales.language_of(one) for one in ("en-US", "YUE-CN", "de")] == ["en", "yue", "de"]
