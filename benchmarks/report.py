"""Results as a file and as the README's table; both are only ever written by the command."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.analysing import Analysing
from benchmarks.cold_start import ColdStart
from benchmarks.receiving import Receiving

_ROOT = Path(__file__).parents[1]
RESULTS = _ROOT / "benchmarks" / "results.json"
README = _ROOT / "README.md"
_BEGIN, _END = "<!-- bench:begin -->\n", "<!-- bench:end -->"
_PACKAGES = ("picows", "uvloop", "msgspec", "websockets", "azure-storage-blob")


def results(
    runs: dict[str, Receiving], capacity: Receiving, cold: ColdStart, analysing: Analysing
) -> dict[str, Any]:
    """``results.json``: figures rounded to what they are good for."""
    ours, floor, samples = runs["ours"], runs["floor"], runs["samples"]
    return {
        "cpu_us_per_frame": {name: round(run.cpu_us_per_frame, 2) for name, run in runs.items()},
        "ratio_to_floor": round(ours.cpu_us_per_frame / floor.cpu_us_per_frame, 2),
        "times_less_than_samples": round(samples.cpu_us_per_frame / ours.cpu_us_per_frame, 2),
        "frames_lost": ours.lost + capacity.lost,
        "lateness_ms": {
            "p50": round(ours.lateness_p50_ms, 1),
            "p99": round(ours.lateness_p99_ms, 1),
        },
        "kib_per_stream": round(ours.kib_per_stream),
        "streams_per_core": capacity.streams,
        "at_streams_per_core": {
            "cpu_us_per_frame": round(capacity.cpu_us_per_frame, 2),
            "core_percent": round(capacity.cpu_share * 100),
            "frames_lost": capacity.lost,
            "lateness_ms": {
                "p50": round(capacity.lateness_p50_ms, 1),
                "p99": round(capacity.lateness_p99_ms, 1),
            },
            "kib_per_stream": round(capacity.kib_per_stream),
        },
        "import_ratio": round(cold.ratio, 2),
        "import_ms": round(cold.app_ms, 1),
        "analysis_times_real_time": round(analysing.times_real_time),
        "streams": ours.streams,
        "frames": ours.sent,
        "machine": _machine(),
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in _PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
    }


def table(found: dict[str, Any]) -> str:
    """The README's table."""
    cpu, most = found["cpu_us_per_frame"], found["at_streams_per_core"]
    rows = [
        ("CPU per frame, the official samples' way (decoding only)", f"{cpu['samples']} µs"),
        ("CPU per frame, the floor (counting frames only)", f"{cpu['floor']} µs"),
        ("**CPU per frame, ours, everything on**", f"**{cpu['ours']} µs**"),
        ("to the floor", f"{found['ratio_to_floor']} ×"),
        ("less than the samples' way", f"{found['times_less_than_samples']} ×"),
        ("frames lost", f"{found['frames_lost']} of {found['frames']:,} and more"),
        ("lateness p50 / p99", "{p50} / {p99} ms".format(**found["lateness_ms"])),
        ("memory per stream", f"{found['kib_per_stream']} KiB"),
        (
            "paced streams on one core",
            f"{found['streams_per_core']:,} ({most['core_percent']} % of it; lateness p99 "
            f"{most['lateness_ms']['p99']} ms; {most['kib_per_stream']} KiB a stream)",
        ),
        (
            "import of the function app",
            f"{found['import_ratio']} × `import azure.functions` ({found['import_ms']} ms)",
        ),
        ("analysis of a segment", f"{found['analysis_times_real_time']:,} × real time"),
    ]
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return (
        "| measured | |\n| --- | --- |\n"
        + "".join(f"| {name} | {value} |\n" for name, value in rows)
        + f"\n{found['date']}, {found['machine']}; {found['streams']} streams of 50 frames a "
        f"second, the server on one core, the load on the other. {versions}.\n"
    )


def write(found: dict[str, Any]) -> None:
    """Put the results into ``results.json`` and the README."""
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    text = README.read_text()
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    README.write_text(f"{head}{_BEGIN}{table(found)}{_END}{tail}")


def _machine() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, Linux {platform.release()}"
    return f"{platform.machine()}, Linux {platform.release()}"
