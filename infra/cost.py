"""``infra/cost``: what a deployment costs a month, at so many calls of so many minutes a day.

What is deployed is read from the parameter files; what happens in it is given on the command line.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from typing import NamedTuple

from infra.prices import ADDRESS, Prices, Quote
from infra.shell import ROOT, StepFailed

HOURS = 730
"""Hours of a month, as Azure's price calculator has them."""

DAYS = HOURS / 24

RUNS_PER_CALL = 10
"""Requests and events of a call, besides its segments: placing, callbacks, assembly."""

PEAK = 3
"""How many times more calls there are at once than on average, in busy hours."""

_BYTES_PER_SECOND = 16_000 * 2
SEGMENT_SECONDS = 30
_LOG_BYTES_PER_SEGMENT, _LOG_BYTES_PER_CALL, _LOG_BYTES_PER_MINUTE = 8_000, 40_000, 1_500
_MEMORY_PER_VCPU = 2
LOG_ALERTS = 12
_PRIVATE_ENDPOINTS = 4


class Usage(NamedTuple):
    """What a deployment is used for, and what is deployed.

    Attributes:
        calls: Calls a day.
        minutes: Minutes of each.
        tracks: Tracks of a call: 2 unmixed, 1 mixed.
        direction: ``outbound``, ``inbound`` or ``internal``.
        transcription: Whether calls are transcribed.
        search: Whether there is an Azure AI Search service.
        busy_hours: Hours a day in which calls happen, and replicas count as active.
        replicas: Least number of streamer replicas.
        vcpu: vCPUs of each.
        max_streams: Streams of a replica, at most.
        always_ready: Always-ready instances of the function app.
        instance_gb: Memory of each instance.
        segment_days: Days for which segments are kept.
        retention_days: Days for which recordings are kept.
        storage: ``blob_lrs`` or ``blob_zrs``.
        is_private: Whether the network is private.
    """

    calls: float
    minutes: float
    tracks: int
    direction: str
    transcription: bool
    search: bool
    busy_hours: float
    replicas: int
    vcpu: float
    max_streams: int
    always_ready: int
    instance_gb: float
    segment_days: int
    retention_days: int
    storage: str
    is_private: bool


class Line(NamedTuple):
    """A line of the bill: how much of what, at which price."""

    item: str
    quantity: float
    unit: str
    price: str

    def dollars(self, quotes: dict[str, Quote]) -> float:
        """Return what it costs a month, in US dollars."""
        return self.quantity * quotes[self.price].dollars


def list_lines(usage: Usage) -> list[Line]:
    """Return what is billed in a month."""
    minutes = usage.calls * usage.minutes * DAYS
    lines = [
        Line("the calls themselves", minutes, "minutes", usage.direction),
        Line("audio streaming", minutes, "minutes", "streaming"),
        *_streamer_lines(usage),
        *_function_lines(usage, minutes),
        *_storage_lines(usage),
    ]
    if usage.search:
        lines.append(Line("search service", HOURS, "hours", "search"))
    if usage.transcription:
        hours = minutes * usage.tracks / 60
        lines.append(Line("transcription", hours, "hours of a channel", "transcription"))
    return [*lines, *_fixed_lines(usage)]


def count_replicas(usage: Usage) -> int:
    """Return how many streamer replicas the peak of the busy hours needs."""
    at_once = usage.calls * usage.minutes / (usage.busy_hours * 60) * PEAK
    return max(usage.replicas, math.ceil(at_once / usage.max_streams))


def count_timer_runs() -> int:
    """Return how often a day the app's functions run on a schedule."""
    text = "".join(file.read_text() for file in sorted((ROOT / "functions").glob("*.py")))
    # NCRONTAB: seconds, minutes, hours, ...
    minutes = re.findall(r'schedule="\d+ (\S+) \* \* \* \*"', text)
    runs = 0
    for field in minutes:
        _, _, step = field.partition("/")
        runs += 24 * (1 if field.isdigit() else 60 // int(step or 1))
    return runs


def _streamer_lines(usage: Usage) -> list[Line]:
    seconds = 3600 * DAYS
    active = usage.busy_hours * seconds * count_replicas(usage) * usage.vcpu
    idle = (24 - usage.busy_hours) * seconds * usage.replicas * usage.vcpu
    return [
        Line("streamer, active vCPUs", active, "vCPU-seconds", "vcpu_active"),
        Line("streamer, idle vCPUs", idle, "vCPU-seconds", "vcpu_idle"),
        Line("streamer, memory", (active + idle) * _MEMORY_PER_VCPU, "GiB-seconds", "memory"),
    ]


def _count_segments(usage: Usage) -> float:
    return math.ceil(usage.minutes * 60 / SEGMENT_SECONDS) * usage.tracks


def _function_lines(usage: Usage, minutes: float) -> list[Line]:
    # A run counts as a second at least, and an analysis takes less.
    analyses = usage.calls * DAYS * _count_segments(usage)
    others = usage.calls * DAYS * RUNS_PER_CALL + count_timer_runs() * DAYS
    transcripts = minutes if usage.transcription else 0
    gb_seconds = (analyses + others + transcripts) * usage.instance_gb
    ready = usage.always_ready * usage.instance_gb * HOURS * 3600
    return [
        Line("function app, runs of a second and more", gb_seconds, "GB-seconds", "flex"),
        Line("function app, number of runs", analyses + others, "runs", "flex_runs"),
        Line("function app, always-ready instances", ready, "GB-seconds", "always_ready"),
    ]


def _storage_lines(usage: Usage) -> list[Line]:
    """What is stored once as much is deleted each day as comes in."""
    gigabytes = usage.calls * usage.minutes * 60 * usage.tracks * _BYTES_PER_SECOND / 1e9
    return [
        Line("segments", gigabytes * usage.segment_days, "GB-months", usage.storage),
        Line("recordings", gigabytes * usage.retention_days, "GB-months", usage.storage),
    ]


def _fixed_lines(usage: Usage) -> list[Line]:
    per_call = _count_segments(usage) * _LOG_BYTES_PER_SEGMENT + _LOG_BYTES_PER_CALL
    log_bytes = usage.calls * DAYS * per_call + HOURS * 60 * _LOG_BYTES_PER_MINUTE * usage.replicas
    lines = [
        Line("logs", log_bytes / 1e9, "GB", "logs"),
        Line("log alerts", LOG_ALERTS, "alerts", "log_alert"),
    ]
    if not usage.is_private:
        return [*lines, Line("container registry", DAYS, "days", "registry_basic")]
    endpoints = _PRIVATE_ENDPOINTS * HOURS
    return [
        *lines,
        Line("container registry", DAYS, "days", "registry_premium"),
        Line("private endpoints", endpoints, "hours", "private_endpoint"),
        Line("NAT gateway", HOURS, "hours", "nat_gateway"),
    ]


def read_parameter(template: str, name: str) -> str:
    """Return a literal of a parameter file, such as ``2`` or ``Standard_ZRS``.

    Raises StepFailed if there is none.
    """
    text = (ROOT / "infra" / f"{template}.bicepparam").read_text()
    match = re.search(rf"^(?:param | +){name}(?: =|:) '?([\w.]+)'?$", text, re.MULTILINE)
    if match is None:
        raise StepFailed(f"infra/{template}.bicepparam has no literal value of {name}.")
    return match.group(1)


def main(arguments: list[str] | None = None, address: str = ADDRESS) -> int:
    """Print what a deployment costs. Returns 0, or 1 if a parameter file cannot be read.

    Args:
        arguments: The command line's; None: those of this process.
        address: Of the retail prices API.
    """
    try:
        options = _parse(arguments)
    except StepFailed as error:
        print(f"infra/cost: {error}", file=sys.stderr)
        return 1
    usage = _usage(options)
    prices = Prices(options.region, "" if options.offline else address)
    lines = list_lines(usage)
    quotes = {line.price: prices.find(line.price) for line in lines}
    if options.json:
        print(json.dumps(_document(usage, options.region, lines, quotes, prices.problem), indent=2))
    else:
        _print_table(usage, options.region, lines, quotes, prices.problem)
    return 0


def _document(
    usage: Usage, region: str, lines: list[Line], quotes: dict[str, Quote], problem: str
) -> dict[str, object]:
    return {
        "currency": "USD",
        "per": "month of 730 hours",
        "region": region,
        "usage": usage._asdict(),
        "price_api": problem or "reached",
        "lines": [
            {
                "item": line.item,
                "quantity": round(line.quantity, 3),
                "unit": line.unit,
                "unit_price": quotes[line.price].dollars,
                "source": quotes[line.price].source,
                "cost": round(line.dollars(quotes), 2),
            }
            for line in lines
        ],
        "total": round(sum(line.dollars(quotes) for line in lines), 2),
    }


def _print_table(
    usage: Usage, region: str, lines: list[Line], quotes: dict[str, Quote], problem: str
) -> None:
    print(
        f"{usage.calls:g} calls of {usage.minutes:g} minutes a day in {region}, US dollars a month"
    )
    print("(730 hours; list prices without taxes and free grants):\n")
    for line in lines:
        quote = quotes[line.price]
        sum_ = f"{line.quantity:,.1f} {line.unit} x {quote.dollars:.7f}".rstrip("0")
        print(f"{line.dollars(quotes):10.2f}  {line.item}: {sum_} [{quote.source}]")
    print(f"{sum(line.dollars(quotes) for line in lines):10.2f}  total")
    if problem:
        print(f"\nThe retail prices API was not used ({problem}): all prices are the table's.")
    print(
        "\nLook up phone numbers and the countries you call: they are not in any of these prices."
    )


def _usage(options: argparse.Namespace) -> Usage:
    return Usage(
        calls=options.calls,
        minutes=options.minutes,
        tracks=1 if options.channels == "mixed" else 2,
        direction=options.direction,
        transcription=options.transcription,
        search=options.search,
        busy_hours=options.busy_hours,
        replicas=options.replicas,
        vcpu=options.vcpu,
        max_streams=int(read_parameter("streamer", "maxStreams")),
        always_ready=options.always_ready,
        instance_gb=int(read_parameter("main", "instanceMemoryMB")) / 1024,
        segment_days=options.segment_days or options.retention_days,
        retention_days=options.retention_days,
        storage=f"blob_{options.storage}",
        is_private=options.private,
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="infra/cost",
        description="Say what a deployment costs a month. What is not given is as in "
        "infra/main.bicepparam and infra/streamer.bicepparam.",
    )
    add = parser.add_argument
    add("--calls", type=_positive, required=True, help="calls a day")
    add("--minutes", type=_positive, required=True, help="minutes of each call")
    add("--region", default="westeurope", help="Azure region (default: westeurope)")
    add("--channels", choices=("mixed", "unmixed"), default="unmixed", help="default: unmixed")
    add(
        "--direction",
        choices=("outbound", "inbound", "internal"),
        default="outbound",
        help="to US numbers, from a US toll-free number, or between users (default: outbound)",
    )
    add("--transcription", action="store_true", help="transcribe all calls")
    add("--search", action="store_true", help="an Azure AI Search service (SEARCH=azure)")
    add(
        "--busy-hours",
        type=_hours,
        default=24.0,
        help="hours a day with calls, in which replicas count as active (default: 24, the most)",
    )
    replicas = int(read_parameter("streamer", "minReplicas"))
    vcpu = float(read_parameter("streamer", "cpu"))
    ready = int(read_parameter("main", "alwaysReadyBlobInstances"))
    segment_days = int(read_parameter("main", "segmentDays"))
    retention_days = int(read_parameter("main", "retentionDays"))
    storage = read_parameter("main", "storageSku").removeprefix("Standard_").lower()
    add("--replicas", type=int, default=replicas, help="least streamer replicas: minReplicas")
    add("--vcpu", type=float, default=vcpu, help="vCPUs of a replica: cpu")
    add(
        "--always-ready",
        type=int,
        default=ready,
        help="always-ready instances: alwaysReadyBlobInstances, and two more if calls are answered",
    )
    add(
        "--segment-days",
        type=int,
        default=segment_days,
        help="days to keep segments; 0: as long as the recording",
    )
    add(
        "--retention-days",
        type=_days,
        default=retention_days or None,
        required=not retention_days,
        help="days to keep recordings",
    )
    add("--storage", choices=("lrs", "zrs"), default=storage, help="the storage account's copies")
    add("--private", action="store_true", help="private networking")
    add("--offline", action="store_true", help="do not ask the retail prices API")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args(arguments)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError("must be between 0 and 1e9")
    return value


def _days(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(
            "must be at least 1: what is kept for ever has no end cost"
        )
    return value


def _hours(text: str) -> float:
    value = float(text)
    if not 0 < value <= 24:
        raise argparse.ArgumentTypeError("must be above 0, and at most 24")
    return value


if __name__ == "__main__":
    sys.exit(main())
