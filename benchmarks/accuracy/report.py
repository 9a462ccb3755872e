"""The table of ``make accuracy``, for the terminal and for docs/accuracy.md."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.accuracy.detection import Agreement, Interruptions
from benchmarks.accuracy.words import WordErrors

_MARKED = re.compile(r"(<!-- accuracy:begin -->\n).*(<!-- accuracy:end -->)", re.DOTALL)

LOWEST = {
    "real meetings": 0.88,
    "clean": 0.97,
    "telephone band": 0.97,
    "20 dB of noise": 0.96,
    "10 dB of noise": 0.85,
    "30 dB down": 0.93,
}
"""The least mean agreement in the conditions that have a target."""
HIGHEST_SPEECH = 0.02
"""The most "speech" in a sound without any."""


class Results(NamedTuple):
    """Everything that was measured; empty where it was left out."""

    agreements: Sequence[Agreement]
    sounds: Mapping[str, float]
    interruptions: Sequence[Interruptions]
    words: Sequence[WordErrors]
    invented_words: Mapping[str, str] | None


def create_table(results: Results) -> str:
    """The results as Markdown tables."""
    lines = []
    if results.agreements:
        lines += [
            "| speech | agreement | held out | worst | missed | target | reached |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(_agreement_row(agreement) for agreement in results.agreements),
            "",
        ]
    lines += [
        "| no speech | taken for speech | target | reached |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {_percent(share)} | ≤ 2 % | {_yes(share <= HIGHEST_SPEECH)} |"
            for name, share in results.sounds.items()
        ),
    ]
    if results.interruptions:
        lines += [
            "",
            "| the dialogue | interruptions | found | false | target | reached |",
            "| --- | --- | --- | --- | --- | --- |",
            *(
                f"| {one.condition} | {one.labelled} | {one.found} | {one.false} | 0 false"
                f" | {_yes(not one.false)} |"
                for one in results.interruptions
            ),
        ]
    if results.words:
        lines += [
            "",
            "| local Whisper | word error rate |",
            "| --- | --- |",
            *(f"| {errors.condition} | {_percent(errors.rate)} |" for errors in results.words),
        ]
    if results.invented_words is not None:
        invented = [f"{name}: “{text}”" for name, text in results.invented_words.items()]
        lines += [
            "",
            f"Words that Whisper invents in sounds alone: {'; '.join(invented) or 'none'}.",
        ]
    return "\n".join(lines)


def missed_targets(results: Results) -> list[str]:
    """What did not reach its target."""
    return [
        *(
            agreement.condition
            for agreement in results.agreements
            if agreement.mean < LOWEST.get(agreement.condition, 0)
        ),
        *(name for name, share in results.sounds.items() if share > HIGHEST_SPEECH),
        *(f"interruptions, {one.condition}" for one in results.interruptions if one.false),
        *(f"words in {name}" for name in results.invented_words or ()),
    ]


def write_table(page: Path, table: str) -> None:
    """Write the table into the page, between its marks. Raises ValueError if it has none."""
    text = page.read_text()
    if not _MARKED.search(text):
        raise ValueError(f"{page} has no marks for the table: <!-- accuracy:begin --> and :end")
    page.write_text(_MARKED.sub(lambda marks: f"{marks[1]}{table}\n{marks[2]}", text))


def _agreement_row(agreement: Agreement) -> str:
    lowest = LOWEST.get(agreement.condition)
    target = f"≥ {lowest:.0%}".replace("%", " %") if lowest else ""
    cells = [
        agreement.condition,
        _percent(agreement.mean),
        _percent(agreement.held_out),
        _percent(agreement.lowest),
        f"{agreement.missed} of {agreement.stretches}",
        target,
        _yes(agreement.mean >= lowest) if lowest else "",
    ]
    return f"| {' | '.join(cells)} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _yes(reached: bool) -> str:  # noqa: FBT001  # a word for a table
    return "yes" if reached else "**no**"
