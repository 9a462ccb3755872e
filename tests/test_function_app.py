"""The function app's start, which every cold start waits for, and its functions."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.functions.decorators.function_app import FunctionBuilder

import functions
from calls.http.principals import ROUTES
from calls.settings import Settings
from calls.transcripts import job
from local.host.routes import path_pattern

ROOT = Path(__file__).parents[1]
CALL_CONTROL = sorted(
    f"calls.control.{module.name}"
    for module in pkgutil.iter_modules([str(ROOT / "calls" / "control")])
)
AUDIO_LIBRARIES = {
    "numpy",
    "soundfile",
    "faster_whisper",
    "azure.ai.transcription",
}
MODULES = [module.name for module in pkgutil.iter_modules(functions.__path__)]


def import_in_new_process(*modules: str) -> set[str]:
    """The names of all modules that a new process has loaded after importing ``modules``."""
    code = f"import sys; import {', '.join(modules)}; print('\\n'.join(sys.modules))"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(process.stdout.split())


@pytest.fixture(scope="module")
def registered_functions() -> set[str]:
    """The names of the app's functions, from an app of our own: it can be indexed once."""
    app = runpy.run_path(str(ROOT / "function_app.py"))["app"]
    return {function.get_function_name() for function in app.get_functions()}


def test_loading_the_app_imports_nothing_of_calls() -> None:
    loaded = import_in_new_process("function_app")
    assert not {name for name in loaded if name.partition(".")[0] == "calls"}
    assert not loaded & AUDIO_LIBRARIES


def test_call_control_and_callbacks_load_no_audio_libraries() -> None:
    assert "calls.control.placing" in CALL_CONTROL
    loaded = import_in_new_process(
        "function_app",
        "calls.http.calls",
        "calls.http.callbacks",
        "calls.http.respond",
        *CALL_CONTROL,
    )
    assert not loaded & AUDIO_LIBRARIES
    assert not {name for name in loaded if name.startswith(("calls.results", "calls.transcripts"))}


def test_analysing_audio_loads_neither_the_engines_nor_flac() -> None:
    """Whisper is not deployed, and the other libraries are loaded where they are used."""
    loaded = import_in_new_process(
        "calls.pipeline.storage_events",
        "calls.pipeline.reconciler",
        "calls.http.results",
        "calls.http.transcripts",
        "calls.http.call_details",
        "calls.http.failures",
    )
    assert not loaded & (AUDIO_LIBRARIES - {"numpy"})


def test_function_app_is_short() -> None:
    assert len((ROOT / "function_app.py").read_text().splitlines()) < 45


@pytest.mark.parametrize("name", MODULES)
def test_every_module_of_functions_is_registered(name: str, registered_functions: set[str]) -> None:
    module = importlib.import_module(f"functions.{name}")
    assert isinstance(module.blueprint, func.Blueprint)
    decorated = {key for key, value in vars(module).items() if isinstance(value, FunctionBuilder)}
    assert decorated
    assert decorated <= registered_functions


def test_every_function_has_a_name_of_its_own(registered_functions: set[str]) -> None:
    decorated = [
        key
        for name in MODULES
        for key, value in vars(importlib.import_module(f"functions.{name}")).items()
        if isinstance(value, FunctionBuilder)
    ]
    assert sorted(decorated) == sorted(registered_functions)


@pytest.mark.parametrize("name", MODULES)
def test_a_function_s_body_is_a_line_or_two(name: str) -> None:
    """Apart from imports: ``calls`` does the work, and is loaded when the function runs."""
    tree = ast.parse((ROOT / "functions" / f"{name}.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef):
            _docstring, *statements = node.body
            work = [s for s in statements if not isinstance(s, ast.Import | ast.ImportFrom)]
            assert len(work) <= 2, node.name


def http_triggers() -> dict[str, dict[str, Any]]:
    """The HTTP triggers of the app's functions, by the functions' names."""
    functions = runpy.run_path(str(ROOT / "function_app.py"))["app"].get_functions()
    triggers = {f.get_function_name(): f.get_trigger().get_dict_repr() for f in functions}
    return {name: trigger for name, trigger in triggers.items() if trigger["type"] == "httpTrigger"}


PRINT_LEVELS = """
import function_app
triggers = {f.get_function_name(): f.get_trigger() for f in function_app.app.get_functions()}
for name, trigger in triggers.items():
    if level := trigger.get_dict_repr().get("authLevel"):
        print(name, level.name)
"""


@pytest.mark.parametrize(
    ("authentication", "expected"), [("Entra", "FUNCTION"), ("entra", "ANONYMOUS")]
)
def test_the_host_asks_for_a_key_unless_users_sign_in(authentication: str, expected: str) -> None:
    """In a process of its own: the first app of a process decides about the blueprints' routes."""
    environment = os.environ | {"AUTHENTICATION": authentication}
    process = subprocess.run(
        [sys.executable, "-c", PRINT_LEVELS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    levels = dict(line.split() for line in process.stdout.splitlines())
    assert levels.keys() == ROUTES.keys()
    for name, access in ROUTES.items():
        assert levels[name] == ("ANONYMOUS" if access.roles is None else expected), name


def test_the_route_of_unknown_requests_is_tried_last() -> None:
    """The host tries routes in the order of names, without regard to which is more specific."""
    assert max(http_triggers(), key=str.upper) == "unknown_route"


def test_no_two_routes_match_the_same_request() -> None:
    triggers = http_triggers()
    del triggers["unknown_route"]
    for name, trigger in triggers.items():
        path = "/" + trigger["route"].replace("{", "").replace("}", "")
        matching = {
            other
            for other, its in triggers.items()
            if path_pattern(its["route"]).fullmatch(path)
            and {*its["methods"]} & {*trigger["methods"]}
        }
        assert matching == {name}


def test_a_run_of_the_transcription_ends_before_the_host_s_timeout() -> None:
    """Its last chunk begins before RUN_SECONDS are over, and may be tried several times."""
    host = json.loads((ROOT / "host.json").read_text())
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    pauses = sum(Settings().transcription_retry_seconds * 2**n for n in range(1, job.CHUNK_TRIES))
    longest = job.RUN_SECONDS + job.CHUNK_TRIES * job.TRY_SECONDS + pauses
    assert longest < hours * 3600 + minutes * 60 + seconds - 60
    assert job.CLAIM_LIFETIME.total_seconds() > longest, "a claim does not expire in a run"
