"""The documents are up to date: generated tables, links, and the files and targets they name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import configuration
import streamer.settings
from local import docs

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *ROOT.glob("clients/*/README.md"),
        ROOT / "examples" / "README.md",
    ]
)
MAX_README_LINES = 110
"""Two screens, with a picture and the table of documents."""


@pytest.mark.parametrize(("path", "name"), docs.tables())
def test_generated_tables_are_current(path: str, name: str) -> None:
    document = (ROOT / path).read_text()
    table = docs.tables()[path, name]
    assert docs.with_table(document, name, table) == document, "run make docs"


def test_a_table_that_is_not_current_is_found() -> None:
    document = "<!-- x:begin -->\nold\n<!-- x:end -->\n"
    assert docs.with_table(document, "x", "new") == "<!-- x:begin -->\nnew\n<!-- x:end -->\n"
    with pytest.raises(ValueError, match="markers"):
        docs.with_table("nothing", "x", "new")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", document.read_text()):
        link = target[0] or target[1]
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, heading = link.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert heading in slugs, link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_files_that_are_named_exist(document: Path) -> None:
    pattern = r"`((?:acs|calls|contract|functions|infra|local|streamer|tests|docs)/[\w./-]*\w)`"
    for path in re.findall(pattern, document.read_text()):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_make_targets_that_are_named_exist(document: Path) -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    targets = set(re.findall(r"^make (\w+)", shown, re.MULTILINE))
    assert set(re.findall(r"`make (\w+)`", document.read_text())) <= targets
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(), re.DOTALL):
        assert set(re.findall(r"^make (\w+)", block, re.MULTILINE)) <= targets


def test_help_names_every_setting_of_the_streamer() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "streamer", "--help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    for row in configuration.table(streamer.settings.Settings):
        assert re.search(rf"\b{row.variable}\b", shown), row.variable


def test_the_readme_is_short_and_says_what_is_not_proven() -> None:
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= MAX_README_LINES
    assert text.startswith("# Call Audio\n")
    assert "not yet run on Azure" in text


def test_the_readme_s_costs_are_those_of_the_azure_document() -> None:
    azure = (ROOT / "docs" / "azure.md").read_text()
    amounts = dict(re.findall(r"^\| ([^|]+?) \| [^|]* \| (\d+\.\d+) \|$", azure, re.MULTILINE))
    readme = (ROOT / "README.md").read_text()
    sums = [
        float(sum_) for sum_ in re.findall(r"^\| [^|]+ \| (\d+\.\d+) \|$", readme, re.MULTILINE)
    ]
    assert len(sums) == 3
    assert sum(sums) == pytest.approx(sum(map(float, amounts.values())), abs=0.01)
