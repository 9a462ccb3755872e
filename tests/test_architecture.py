"""The architecture: allowed imports, no import cycles, and limits on files and functions.

``docs/architecture.md`` has the picture and the reasons.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = (
    *("acs", "benchmarks", "calls", "clients", "contract", "functions", "infra", "local"),
    "streamer",
)
GENERATED = ROOT / "clients" / "python" / "callaudio" / "generated"
TOP_LEVEL = ("configuration", "event_log", "function_app")

FLOOR = {"acs", "configuration", "contract", "event_log"}
DOMAIN = {"calls", "calls.records", "calls.control", "calls.results", "calls.transcripts"} | {
    "calls.retention",
    "calls.index",
    "calls.events",
    "calls.search",
}

# Each room, and the rooms that it may import. "calls" alone is the floor that its rooms share.
ARROWS: dict[str, set[str]] = {
    "function_app": {"functions"},
    "functions": {"calls", "calls.http", "calls.pipeline", "calls.control"},
    "calls.http": DOMAIN | FLOOR,
    "calls.pipeline": DOMAIN | FLOOR,
    "calls.transcripts": {"calls", "calls.results", "calls.records"} | FLOOR,
    "calls.retention": {"calls", "calls.index", "calls.records", "calls.results"} | FLOOR,
    "calls.index": {"calls", "calls.records"} | FLOOR,
    "calls.events": {"calls", "calls.records"} | FLOOR,
    "calls.search": {"calls", "calls.index", "calls.records"} | FLOOR,
    "calls.results": {"calls", "calls.records"} | FLOOR,
    "calls.control": {"calls", "calls.records"} | FLOOR,
    "calls.records": {"calls"} | FLOOR,
    "calls.verify": {"calls", "calls.results"} | FLOOR,
    "calls": FLOOR,
    "streamer": FLOOR,
    "contract": {"acs"},
    "acs": {"event_log"},
    "configuration": set(),
    "event_log": set(),
    "infra": FLOOR | {"calls", "streamer"},
    "local": {"function_app", "functions", "calls.results", "calls.http", "streamer", "infra"}
    | {"calls"}
    | FLOOR,
    "clients": {"calls.http"},
    # Installed on its own, without the rest of the repository.
    "callaudio": set(),
    "benchmarks": {"local", "streamer", "calls", "calls.results", "calls.transcripts"}
    | {"calls.http", "calls.index", "calls.records", "calls.search"}
    | FLOOR,
}

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60


def files(*suffixes: str) -> Iterator[Path]:
    """The product's files, without its tests."""
    for room in PRODUCT:
        for path in sorted((ROOT / room).rglob("*")):
            if GENERATED in path.parents or "node_modules" in path.parts:
                continue
            if path.suffix in suffixes and "__pycache__" not in path.parts:
                yield path
    if ".py" in suffixes:
        yield from (ROOT / f"{name}.py" for name in TOP_LEVEL)


def module_name(path: Path) -> str:
    """The dotted name of a module of this repository."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return name.removeprefix("clients.python.")


@cache
def modules() -> dict[str, Path]:
    """The product's modules by name."""
    return {module_name(path): path for path in files(".py")}


@cache
def tree(path: Path) -> ast.Module:
    """The parsed module."""
    return ast.parse(path.read_text(), str(path))


def imports(path: Path, nodes: list[ast.stmt] | None = None) -> set[str]:
    """The product's modules that a module imports, anywhere in it (or in ``nodes``)."""
    imported: set[str] = set()
    walked = ast.walk(tree(path)) if nodes is None else iter(nodes)
    for node in walked:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                imported.add(submodule if submodule in modules() else node.module)
    return imported & modules().keys()


def room(module: str) -> str:
    """The room that a module belongs to."""
    parts = module.split(".")
    if parts[0] == "calls" and len(parts) > 1 and (ROOT / "calls" / parts[1]).is_dir():
        return ".".join(parts[:2])
    return parts[0]


def wrong_arrows(module: str, imported: set[str]) -> set[str]:
    """Those of ``imported`` that a module must not import."""
    allowed = ARROWS[room(module)] | {room(module)}
    return {name for name in imported if room(name) not in allowed}


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_run_one_way(module: str) -> None:
    assert not wrong_arrows(module, imports(modules()[module]))


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("calls.records.store", "calls.http.problems"),
        ("calls.storage", "calls.records.model"),
        ("calls.results.timeline", "calls.transcripts.model"),
        ("calls.http.calls", "functions.calls"),
        ("streamer.server", "calls.settings"),
        ("calls.settings", "streamer.settings"),
        ("contract.names", "calls.blobs"),
        ("acs.media", "contract.wav"),
        ("streamer.server", "local.up"),
        ("functions.calls", "contract.names"),
    ],
)
def test_a_wrong_import_is_found(module: str, imported: str) -> None:
    assert wrong_arrows(module, {imported}) == {imported}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """An import circle in a graph, or an empty list."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_there_is_no_import_cycle() -> None:
    graph = {name: imports(path) - {name} for name, path in modules().items()}
    assert circle(graph) == []


def test_an_import_cycle_is_found() -> None:
    graph = {name: imports(path) - {name} for name, path in modules().items()}
    graph["acs.events"] = graph["acs.events"] | {"calls.records.store"}
    assert circle(graph)


def test_domain_and_storage_know_no_http_statuses_of_answers() -> None:
    """Only calls/http builds responses; elsewhere statuses are those of other services."""
    for module, path in modules().items():
        if module.startswith("calls.") and room(module) != "calls.http":
            text = path.read_text()
            assert "HttpResponse(" not in text, module
            assert "Problem" not in text, module


@pytest.mark.parametrize(
    "path", [str(p.relative_to(ROOT)) for p in files(".py", ".js", ".html", ".css", ".bicep")]
)
def test_no_file_is_too_long(path: str) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", [str(p.relative_to(ROOT)) for p in files(".py")])
def test_no_function_is_too_long(path: str) -> None:
    long_functions = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(tree(ROOT / path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    }
    assert not long_functions


def test_discouraged_words_are_not_used() -> None:
    """Phrases that read as if translated; CONTRIBUTING.md has the rules."""
    phrases = "put together|anew|no more\\b|given up on|work(s|ed)? out|is no [A-Z]"
    search = subprocess.run(
        ["git", "grep", "-niE", phrases, "--", "*.py", "*.md", "*.js", "*.html", "*.bicep"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if search.returncode > 1:
        pytest.skip("not in a git checkout")
    here = Path(__file__).relative_to(ROOT).as_posix()
    hits = [line for line in search.stdout.splitlines() if not line.startswith(here)]
    assert not hits
