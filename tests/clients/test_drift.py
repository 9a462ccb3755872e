"""The generated clients are those of the app's OpenAPI document, and of nothing older."""

from __future__ import annotations

from pathlib import Path

from clients import generate

REMEDY = "the OpenAPI document has changed: run `make clients` (python -m clients.generate)"


def read(folder: Path) -> dict[str, str]:
    """The text of each Python file, by its path in the folder."""
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.py")}


def differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """The names of the files that differ, or are missing on one side."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def test_the_python_client_is_current(tmp_path: Path) -> None:
    generate.write_python(tmp_path / "generated")
    assert not differences(read(generate.PYTHON), read(tmp_path / "generated")), REMEDY


def test_the_typescript_client_is_current(tmp_path: Path) -> None:
    file = tmp_path / "schema.ts"
    generate.write_typescript(file)
    assert file.read_text() == generate.TYPESCRIPT.read_text(), REMEDY


def test_drift_is_found() -> None:
    assert differences({"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "1"}) == ["b", "c"]
