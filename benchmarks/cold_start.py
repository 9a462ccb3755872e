"""Measures what a cold start of the function app imports, in CPU time.

The reference is ``import azure.functions`` alone. Each import runs in a new interpreter, with
bytecode cached; the interpreter's own start is subtracted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from typing import NamedTuple

_RUNS = 15


class ColdStart(NamedTuple):
    """CPU milliseconds of the imports (medians), and the ratio of the app's to the other."""

    app_ms: float
    azure_functions_ms: float
    ratio: float


def measure(runs: int = _RUNS) -> ColdStart:
    """Import both, in turns. Raises CalledProcessError where one fails."""
    statements = ("pass", "import azure.functions", "import function_app")
    times: dict[str, list[float]] = {statement: [] for statement in statements}
    for statement in statements:
        _cpu_ms(statement)
    for _ in range(runs):
        for statement in statements:
            times[statement].append(_cpu_ms(statement))
    start, azure, app = (statistics.median(times[statement]) for statement in statements)
    return ColdStart(app - start, azure - start, (app - start) / (azure - start))


def _cpu_ms(statement: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", statement])
    _, status, usage = os.wait4(process.pid, 0)
    # wait4 has reaped it: Popen must not wait for it again.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, statement)
    return (usage.ru_utime + usage.ru_stime) * 1000
