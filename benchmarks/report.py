"""The results as ``results.json`` and as the table in ``docs/performance.md``."""

from __future__ import annotations

import json
import platform
import sysconfig
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.cold_start import ColdStart
from benchmarks.receiver_run import ReceiverName, ReceiverRun
from benchmarks.segment_analysis import AnalysisSpeed

_ROOT = Path(__file__).parents[1]
RESULTS = _ROOT / "benchmarks" / "results.json"
DOCUMENT = _ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench:begin -->\n", "<!-- bench:end -->"
_PACKAGES = ("picows", "uvloop", "msgspec", "websockets", "azure-storage-blob")


def create_results(
    runs: Mapping[ReceiverName, ReceiverRun],
    capacity: ReceiverRun,
    imports: ColdStart,
    analysis: AnalysisSpeed,
) -> dict[str, Any]:
    """Return the content of ``results.json``, rounded to the significant digits."""
    streamer = runs["streamer"]
    cpu = {name: run.cpu_us_per_frame for name, run in runs.items()}
    return {
        "cpu_us_per_frame": {name: round(us, 2) for name, us in cpu.items()},
        "streamer_cpu_relative_to_counting_only": round(cpu["streamer"] / cpu["counting_only"], 2),
        "streamer_cpu_relative_to_counting_batched": round(
            cpu["streamer"] / cpu["counting_batched"], 2
        ),
        "microsoft_sample_cpu_relative_to_streamer": round(
            cpu["microsoft_sample"] / cpu["streamer"], 2
        ),
        "streams": streamer.streams,
        "frames_sent": streamer.sent,
        "frames_lost": streamer.lost + capacity.lost,
        "lateness_ms": _lateness(streamer),
        "memory_kib_per_stream": round(streamer.kib_per_stream),
        "most_streams_on_one_core": {
            "streams": capacity.streams,
            "cpu_us_per_frame": round(capacity.cpu_us_per_frame, 2),
            "core_percent": round(capacity.core_share * 100),
            "frames_lost": capacity.lost,
            "lateness_ms": _lateness(capacity),
            "memory_kib_per_stream": round(capacity.kib_per_stream),
        },
        "function_app_import": {
            "cpu_ms": round(imports.app_ms, 1),
            "relative_to_azure_functions": round(imports.ratio, 2),
        },
        "analysis_times_real_time": round(analysis.times_real_time),
        "machine": describe_machine(),
        "versions": {"python": describe_python()}
        | {package: version(package) for package in _PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
    }


def format_table(results: dict[str, Any]) -> str:
    """Return the Markdown table of the results, with a line about the machine."""
    cpu, capacity = results["cpu_us_per_frame"], results["most_streams_on_one_core"]
    lateness, app_import = results["lateness_ms"], results["function_app_import"]
    to_counting = results["streamer_cpu_relative_to_counting_only"]
    to_batched = results["streamer_cpu_relative_to_counting_batched"]
    to_sample = results["microsoft_sample_cpu_relative_to_streamer"]
    rows = [
        ("CPU per frame, Microsoft's sample (only decodes)", f"{cpu['microsoft_sample']} µs"),
        ("CPU per frame, only counting frames", f"{cpu['counting_only']} µs"),
        ("CPU per frame, only counting frames in batches", f"{cpu['counting_batched']} µs"),
        ("**CPU per frame, the streamer with everything on**", f"**{cpu['streamer']} µs**"),
        (
            "the streamer's CPU in relation to the others'",
            f"{to_batched:.1f} × the cost of only counting frames in batches, "
            f"{to_counting:.1f} × of counting them one by one; "
            f"{to_sample:.1f} × less CPU than Microsoft's sample",
        ),
        ("frames lost", f"{results['frames_lost']} of {results['frames_sent']:,} and more"),
        ("lateness, p50 and p99", f"{lateness['p50']} ms, {lateness['p99']} ms"),
        ("memory per stream", f"{results['memory_kib_per_stream']} KiB"),
        (
            "most streams on one core",
            f"{capacity['streams']:,} ({capacity['core_percent']} % of the core, lateness p99 "
            f"{capacity['lateness_ms']['p99']} ms, {capacity['memory_kib_per_stream']} KiB each)",
        ),
        (
            "import of the function app",
            f"{app_import['cpu_ms']} ms of CPU, {app_import['relative_to_azure_functions']} × "
            "`import azure.functions`",
        ),
        ("analysis of a segment", f"{results['analysis_times_real_time']:,} × real time"),
    ]
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    return (
        "| measured | result |\n| --- | --- |\n"
        + "".join(f"| {name} | {value} |\n" for name, value in rows)
        + f"\nMeasured on {results['date']} on {results['machine']}: {results['streams']} streams "
        f"of 50 frames a second, the server on one core, the load on the other. {versions}.\n"
    )


def write(results: dict[str, Any]) -> None:
    """Write ``results.json`` and the table in ``docs/performance.md``."""
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    DOCUMENT.write_text(replace_table(DOCUMENT.read_text(), format_table(results)))


def replace_table(text: str, table: str) -> str:
    """Replace what is between the markers. Raises ValueError where they are missing."""
    if BEGIN not in text or END not in text:
        raise ValueError(f"{DOCUMENT.name} has no {BEGIN.strip()} and {END} around its table")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}{table}{END}{tail}"


def _lateness(run: ReceiverRun) -> dict[str, float]:
    return {"p50": round(run.lateness_p50_ms, 1), "p99": round(run.lateness_p99_ms, 1)}


def describe_machine() -> str:
    """The processor and the operating system."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, Linux {platform.release()}"
    return f"{platform.machine()}, Linux {platform.release()}"


def describe_python() -> str:
    """The interpreter's version, and whether it lacks the optimizations of the container's."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS"))
    is_optimized = "--enable-optimizations" in arguments
    return platform.python_version() + ("" if is_optimized else " without --enable-optimizations")
