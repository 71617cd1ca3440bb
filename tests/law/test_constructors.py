# SPDX-License-Identifier: Apache-2.0
"""Law 4: `Sealed` and `CheckedTable` are made where tests/law/constructors.toml says, and nowhere else."""

import ast
from typing import Any

import pytest

from tests.law.tree import Module, allowed, at, calls, law_table, none, snippet, source

GUARDED: Any = law_table("constructors")
# Ways round a constructor: all take the type, or a value of it, as an argument.
BYPASSES = frozenset({"__new__", "replace"})


def forgeries(module: Module) -> list[str]:
    """Places where a guarded type is made by a module that may not."""
    found = []
    for call, name in calls(module):
        made = _made(call, name)
        if made and not allowed(module.name, GUARDED[made]["modules"]):
            found.append(at(module, call.lineno, f"makes {made}"))
    return found


def _made(call: ast.Call, name: str) -> str:
    parts = name.split(".")
    for guarded in GUARDED:
        if parts[-1] == guarded or (guarded in parts[:-1] and parts[-1] != "__init__"):
            return str(guarded)
        if parts[-1] in BYPASSES and any(isinstance(a, ast.Name) and a.id == guarded for a in call.args):
            return str(guarded)
    return ""


def test_sealed_bytes_and_checked_tables_are_made_in_their_own_rooms_only() -> None:
    none([complaint for module in source() for complaint in forgeries(module)])


def test_the_guarded_types_exist_under_these_names() -> None:
    classes = {node.name for module in source() for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)}
    assert set(GUARDED) <= classes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rempart.journeys.ingest", "from rempart.records.sealed import Sealed\nx = Sealed(b'')\n"),
        ("rempart.journeys.ingest", "from rempart.records import sealed\nx = sealed.Sealed(b'')\n"),
        ("rempart.study.run", "from rempart.records.sealed import Sealed as S\nx = S(b'')\n"),
        ("rempart.vault.manifest", "from rempart.records.sealed import Sealed\nx = object.__new__(Sealed)\n"),
        ("rempart.release.submit", "from rempart.records.result import CheckedTable\nx = CheckedTable(rows=())\n"),
        ("rempart.release.submit", "from rempart.records.result import CheckedTable\nx = CheckedTable.from_rows(())\n"),
    ],
)
def test_a_forged_object_is_caught(name: str, text: str) -> None:
    assert forgeries(snippet(text, name))


def test_the_vault_may_seal_and_disclosure_may_check() -> None:
    assert not forgeries(snippet("from rempart.records.sealed import Sealed\nx = Sealed(b'')\n", "rempart.vault.seal"))
    checked = "from rempart.records.result import CheckedTable\nx = CheckedTable(rows=())\n"
    assert not forgeries(snippet(checked, "rempart.disclosure.check"))
