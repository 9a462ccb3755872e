"""The measurement of a cold start: CPU time of imports, each in a new interpreter."""

from __future__ import annotations

from subprocess import CalledProcessError

import pytest

from benchmarks import cold_start


def test_the_cpu_time_of_an_interpreter_is_measured() -> None:
    wait = "import time; time.sleep(0.5)"
    loop = "import time\nwhile time.process_time() < 0.5: pass"
    assert 0 < cold_start._cpu_ms(wait) < 500 <= cold_start._cpu_ms(loop)


def test_an_import_that_fails_is_an_error() -> None:
    with pytest.raises(CalledProcessError) as failed:
        cold_start._cpu_ms("raise SystemExit(3)")
    assert failed.value.returncode == 3


def test_the_interpreter_s_own_start_is_subtracted(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"pass": 10.0, "import azure.functions": 60.0, "import function_app": 110.0}
    monkeypatch.setattr(cold_start, "_cpu_ms", times.__getitem__)
    assert cold_start.measure(runs=3) == (100.0, 50.0, 2.0)
