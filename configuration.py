"""Settings as typed structs, read from the environment. Used by both programs.

A settings struct has a default for every field and a ``msgspec.Meta`` description; its table makes
the help and the documents, and every fault is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta


class SettingsError(ValueError):
    """Raised when settings are missing or wrong; the text lists every fault, a line each."""


class Row(NamedTuple):
    """One setting, for help and documents."""

    variable: str
    default: str
    description: str


def doc(text: str, **bounds: Any) -> Meta:
    """A field's description, and its bounds as ``msgspec.Meta`` knows them."""
    return Meta(description=text, **bounds)


def variable(field: str, spelled: Mapping[str, str]) -> str:
    """The environment variable of a field: its name in capitals, unless spelled otherwise."""
    return spelled.get(field, field.upper())


def read(
    struct: type[msgspec.Struct],
    environment: Mapping[str, str],
    spelled: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """The values that the environment gives, and what is wrong with the others."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, hint in get_type_hints(struct, include_extras=True).items():
        text = environment.get(variable(name, spelled or {}))
        if not text:
            continue
        try:
            values[name] = msgspec.convert(text, hint, strict=False)
        except msgspec.ValidationError as error:
            faults.append(f"{variable(name, spelled or {})}: {error}")
    return values, faults


def in_azure(environment: Mapping[str, str]) -> bool:
    """Whether a managed identity is to be had, as on App Service, Functions and Container Apps.

    Keys and unencrypted addresses are a laptop's, and refused there.
    """
    return bool(environment.get("IDENTITY_ENDPOINT"))


def table(struct: type[msgspec.Struct], spelled: Mapping[str, str] | None = None) -> list[Row]:
    """Every setting of a struct."""
    hints = get_type_hints(struct, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(struct):
        meta = next(arg for arg in get_args(hints[field.name]) if isinstance(arg, Meta))
        name = variable(field.name, spelled or {})
        rows.append(Row(name, str(field.default), meta.description or ""))
    return rows
