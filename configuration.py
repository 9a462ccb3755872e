"""Settings as typed structs, read from the environment. Used by both programs.

A settings struct has a default for every field and a ``msgspec.Meta`` description. The help and the
documentation are generated from it. All faults are reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta


class SettingsError(ValueError):
    """Raised when settings are missing or wrong. Its text has one line per fault."""


class Row(NamedTuple):
    """One setting, for the help and the documentation."""

    variable: str
    default: str
    description: str


def doc(text: str, **bounds: Any) -> Meta:
    """Return a field's description; ``bounds`` are those of ``msgspec.Meta``, such as ``ge``."""
    return Meta(description=text, **bounds)


def variable(field: str, spellings: Mapping[str, str]) -> str:
    """Return a field's environment variable: its name in capitals, unless ``spellings`` has it."""
    return spellings.get(field, field.upper())


def read(
    struct: type[msgspec.Struct],
    environment: Mapping[str, str],
    spellings: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Read the settings that the environment has.

    Args:
        struct: The settings struct.
        environment: The environment variables.
        spellings: By field, the variables that are not the field's name in capitals.

    Returns:
        The values by field, and a message for each wrong value.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, hint in get_type_hints(struct, include_extras=True).items():
        text = environment.get(variable(name, spellings or {}))
        if not text:
            continue
        try:
            values[name] = msgspec.convert(text, hint, strict=False)
        except msgspec.ValidationError as error:
            faults.append(f"{variable(name, spellings or {})}: {error}")
    return values, faults


def in_azure(environment: Mapping[str, str]) -> bool:
    """Return whether this runs on App Service, Functions or Container Apps.

    They offer a managed identity. Keys and unencrypted URLs, which are for local development only,
    are refused there.
    """
    return bool(environment.get("IDENTITY_ENDPOINT"))


def table(struct: type[msgspec.Struct], spellings: Mapping[str, str] | None = None) -> list[Row]:
    """Return a row for every setting of a struct."""
    hints = get_type_hints(struct, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(struct):
        meta = next(arg for arg in get_args(hints[field.name]) if isinstance(arg, Meta))
        name = variable(field.name, spellings or {})
        rows.append(Row(name, str(field.default), meta.description or ""))
    return rows
