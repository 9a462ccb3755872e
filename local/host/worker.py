"""The app's functions, indexed and run by ``azure-functions-runtime``.

The library needs a ``protos`` module only to build its replies, so a small substitute is enough.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import types
import uuid
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import azure_functions_runtime as runtime
from azure_functions_runtime import native_invocation
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.utils import threadpool

from event_log import log_event

_RETURN = "$return"

_log = logging.getLogger(__name__)


class IndexingError(RuntimeError):
    """Raised when the app cannot be indexed; the message is the app's own traceback."""


class InvocationError(RuntimeError):
    """Raised when a function failed; the message is its traceback."""


class Function(NamedTuple):
    """One indexed function, the binding of its trigger, and its outputs by their parameters.

    ``deliver`` is given what the function has set in its outputs when it has succeeded.
    """

    id: str
    name: str
    trigger: dict[str, Any]
    outputs: dict[str, dict[str, Any]] = {}  # noqa: RUF012  # never changed
    deliver: Callable[[Function, list[tuple[str, Datum]]], Awaitable[None]] | None = None

    @property
    def kind(self) -> str:
        """The type of its trigger: ``httpTrigger``, ``blobTrigger``, ..."""
        return str(self.trigger["type"])

    @property
    def parameter(self) -> str:
        """The name of the parameter that the trigger is bound to."""
        return str(self.trigger["name"])


class _Message:
    """Any protobuf message: its members become attributes."""

    Success, Failure = 1, 0

    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)


def _protos() -> types.SimpleNamespace:
    messages = (
        "WorkerInitResponse FunctionMetadataResponse FunctionLoadResponse InvocationResponse "
        "RpcFunctionMetadata WorkerMetadata RpcException TypedData ParameterBinding StatusResult"
    )
    types_by_name = {name: type(name, (_Message,), {}) for name in messages.split()}
    # The values of FunctionRpc.proto's BindingInfo.Direction and BindingInfo.DataType.
    directions = {"in": 0, "out": 1, "inout": 2}
    data_types = {"undefined": 0, "string": 1, "binary": 2, "stream": 3}
    binding_info = type("BindingInfo", (_Message,), directions | data_types)
    return types.SimpleNamespace(**types_by_name, BindingInfo=binding_info)


async def index(app_dir: Path) -> list[Function]:
    """Index ``function_app.py``. The runtime's state is global: a process can have one app only.

    Raises IndexingError.
    """
    os.chdir(app_dir)
    sys.path.insert(0, str(app_dir))
    threadpool.start_threadpool_executor()
    init = types.SimpleNamespace(capabilities={}, function_app_directory=str(app_dir))
    request = types.SimpleNamespace(
        request=types.SimpleNamespace(worker_init_request=init),
        properties={"host": "127.0.0.1", "protos": _protos()},
    )
    _raise_failure(await runtime.worker_init_request(request))
    metadata = await runtime.functions_metadata_request(request)
    _raise_failure(metadata)
    return list(_functions(metadata.function_metadata_results or []))


def _raise_failure(response: Any) -> None:
    if response.result.status != _Message.Success:
        error = response.result.exception
        trace = getattr(error, "stack_trace", "") or getattr(error, "message", "")
        raise IndexingError(str(trace))


def _functions(results: Iterable[Any]) -> Iterable[Function]:
    for metadata in results:
        bindings = [json.loads(binding) for binding in metadata.raw_bindings]
        trigger = next(b for b in bindings if b["type"].lower().endswith("trigger"))
        outputs = {
            b["name"]: b
            for b in bindings
            if str(b["direction"]).upper() == "OUT" and b["name"] != _RETURN
        }
        yield Function(metadata.function_id, metadata.name, trigger, outputs)


async def invoke(
    function: Function, datum: Datum, trigger_metadata: dict[str, Datum] | None = None
) -> Datum | None:
    """Run a function, deliver its outputs, and return its result.

    ``datum`` is bound to its trigger. Raises InvocationError.
    """
    succeeded, result, outputs, error, trace = await native_invocation.invocation_request_native(
        str(uuid.uuid4()), function.id, [(function.parameter, datum)], trigger_metadata or {}
    )
    if not succeeded:
        raise InvocationError(trace or error or "")
    if outputs and function.deliver is not None:
        await function.deliver(function, outputs)
    return result


def log_failure(function: Function, error: Exception, **fields: object) -> None:
    """Log that a function failed: its error in one line, then the traceback."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    log_event(
        _log,
        logging.ERROR,
        "function_failed",
        function=function.name,
        **fields,
        error=lines[-1],
        exc_info=error,
    )
