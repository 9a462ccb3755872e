"""Fixtures that more than one test directory uses, the files' order, ``--fail-on-skip``, logs."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
from xdist.scheduler import LoadFileScheduling

from local.azurite import Azurite
from local.client import AppClient
from local.up import Up

# A run says whether a change is right, not whether the day was lucky or the machine slow: it tries
# the same examples each time, however long one takes; --hypothesis-profile=explore tries others.
_PATIENT = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("explore", _PATIENT, derandomize=False)
hypothesis.settings.register_profile("repeat", _PATIENT, derandomize=True)
hypothesis.settings.load_profile("repeat")

ALLOWED_SKIPS = {
    "no az on PATH": "the Azure CLI is a gigabyte, and only its parser is asked",
    "no func on PATH": "Azure Functions Core Tools download their host from Microsoft",
    "no Bicep CLI": "Microsoft's releases only: neither Debian nor PyPI has it",
    "not allowed to mount a tmpfs": "needs a privilege that containers seldom have",
}
"""How the reasons begin for which CI may skip a test, and why it cannot run it."""

LONGEST_FIRST = (
    "e2e/console/test_result.py",
    "streamer/test_faults.py",
    "e2e/test_calls.py",
    "infra/test_deploy.py",
    "e2e/test_incoming.py",
    "streamer/test_server.py",
    "streamer/test_fuzz.py",
    "security/test_entrances.py",
    "calls/results/test_long_calls.py",
    "e2e/test_http_api_doc.py",
    "security/test_keys.py",
    "local/test_up.py",
    "streamer/test_long_call.py",
    "streamer/test_track_properties.py",
    "benchmarks/soak/test_run.py",
    "streamer/test_acceptance.py",
    "streamer/test_spool_crashes.py",
    "calls/transcripts/test_whisper.py",
    "infra/test_container.py",
)
"""Files of 15 seconds and more: started last, one would keep one worker busy at the end."""

TOGETHER = {
    "e2e/console/test_annotations.py": "e2e/console/test_result.py",
    "e2e/console/test_appearance.py": "e2e/console/test_result.py",
    "e2e/console/test_browser_party.py": "e2e/console/test_result.py",
    "e2e/console/test_learning.py": "e2e/console/test_result.py",
    "e2e/console/test_list.py": "e2e/console/test_result.py",
    "e2e/console/test_live.py": "e2e/console/test_result.py",
    "e2e/console/test_lock.py": "e2e/console/test_result.py",
    "e2e/console/test_quality.py": "e2e/console/test_result.py",
    "e2e/console/test_retention.py": "e2e/console/test_result.py",
    "e2e/console/test_search.py": "e2e/console/test_result.py",
    "e2e/console/test_sign_in.py": "e2e/console/test_result.py",
    "e2e/test_command_line.py": "e2e/test_calls.py",
    "e2e/test_client.py": "e2e/test_calls.py",
    "e2e/test_events.py": "e2e/test_calls.py",
    "e2e/test_typescript_client.py": "e2e/test_calls.py",
    "e2e/test_examples.py": "e2e/test_calls.py",
    "e2e/test_quickstart.py": "e2e/test_calls.py",
    "e2e/test_results.py": "e2e/test_calls.py",
    "security/test_bodies.py": "security/test_entrances.py",
    "e2e/test_retention.py": "e2e/test_calls.py",
    "security/test_openapi.py": "security/test_entrances.py",
    "security/test_roles.py": "security/test_entrances.py",
    "security/test_sign_in.py": "security/test_entrances.py",
    "security/test_secrets.py": "security/test_entrances.py",
    "security/test_strangers.py": "security/test_entrances.py",
    "security/test_wallet.py": "security/test_entrances.py",
}
"""Files that one worker runs after another one, on the same running system."""

TESTS = Path(__file__).parent


def leader(path: str) -> str:
    """The file, below ``tests``, with which a worker takes this one."""
    return TOGETHER.get(path, path)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {path: rank for rank, path in enumerate(LONGEST_FIRST)}

    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(TESTS, walk_up=True).as_posix()
        return ranks.get(leader(path), len(ranks))

    items.sort(key=rank)


class FileScheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file to a worker at a time, with those that go together, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return leader(nodeid.partition("::")[0].removeprefix("tests/"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling | None:
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return FileScheduling(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip",
        action="store_true",
        help="fail each skipped test whose reason is not one of ALLOWED_SKIPS in tests/conftest.py",
    )


def fail_if_skipped(
    report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
) -> None:
    """With ``--fail-on-skip``, make a skip a failure, unless its reason is allowed."""
    # An expected failure is reported as a skip, too.
    if not config.getoption("--fail-on-skip") or not report.skipped or hasattr(report, "wasxfail"):
        return
    location = report.longrepr
    reason = location[2] if isinstance(location, tuple) else str(location)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(tuple(ALLOWED_SKIPS)):
        report.outcome = "failed"
        report.longrepr = f"skipped, which --fail-on-skip does not allow: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_if_skipped(report, item.config)
    running = getattr(item, "funcargs", {}).get("up")
    if report.failed and isinstance(running, Up):
        # The logs are deleted with the system: in CI, nobody can look later.
        report.sections += read_logs(running.log_dir)
    return report


def read_logs(folder: Path) -> list[tuple[str, str]]:
    """Return the end of each log of a running system, without the access logs' lines."""
    logs = {path.name: path.read_text(errors="replace") for path in sorted(folder.glob("*.log"))}
    return [
        (name, "\n".join([line for line in text.splitlines() if ' request "' not in line][-100:]))
        for name, text in logs.items()
    ]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report, collector.config)
    return report


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for the whole run, in memory. A test that stops Azurite starts its own."""
    with Azurite() as azurite:
        yield azurite


@pytest.fixture
def storage(azurite: Azurite) -> str:
    """The connection string of the run's Azurite. Tests share it: name things apart."""
    return azurite.connection_string


@pytest_asyncio.fixture(loop_scope="session")
async def app(up: Up) -> AsyncIterator[AppClient]:
    """A client of the running system, which each directory of such tests starts in its own way."""
    async with AppClient(up.addresses.app, up.addresses.function_key) as client:
        yield client
