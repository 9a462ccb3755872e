"""Every problem has a code of the table, with the table's status."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import get_args

from calls.http import problems
from calls.http.problem_codes import CODES, Code

FOLDER = Path(problems.__file__).parent


def raised_problems() -> Iterator[tuple[str, str]]:
    """The status and the code of each Problem that the handlers create."""
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem":
                keywords = {keyword.arg: keyword.value for keyword in node.keywords}
                yield ast.unparse(node.args[0]), ast.unparse(keywords["code"])


def test_the_table_has_every_code_sorted_by_status() -> None:
    assert sorted(CODES) == sorted(get_args(Code))
    statuses = [meaning.status for meaning in CODES.values()]
    assert statuses == sorted(statuses)


def test_handlers_raise_problems_with_the_table_s_statuses() -> None:
    raised = [pair for pair in raised_problems() if pair != ("status", "code")]
    assert len(raised) > 15
    for status, code in raised:
        name = status.removeprefix("HTTPStatus.")
        assert CODES[ast.literal_eval(code)].status is HTTPStatus[name], (status, code)


def test_errors_become_problems_with_the_table_s_statuses() -> None:
    for mapping in (*problems._MAPPINGS.values(), *problems._RESULT_MAPPINGS.values()):
        assert CODES[mapping.code].status is mapping.status, mapping.code


def test_every_code_is_used() -> None:
    used = {ast.literal_eval(code) for status, code in raised_problems() if status != "status"}
    mappings = (*problems._MAPPINGS.values(), *problems._RESULT_MAPPINGS.values())
    used |= {mapping.code for mapping in mappings} | {"acs_conflict"}
    assert used == CODES.keys()
