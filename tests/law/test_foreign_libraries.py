# SPDX-License-Identifier: Apache-2.0
"""A library that reaches outside is imported by its adapter or door alone, and no library is used that is not declared."""

import re
import sys
import tomllib
from typing import Any

from tests.law.tree import ROOT, Module, allowed, at, imports, law_table, none, snippet, source

TABLE: Any = law_table("foreign")
# Where the name on the registry is not the name that is imported.
IMPORTED_AS = {"argon2-cffi": "argon2", "python-pkcs11": "pkcs11", "vl-convert-python": "vl_convert"}


def declared() -> set[str]:
    """Import names of the run-time dependencies in pyproject.toml, those of its extras too: foreign.toml ties these to a module."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    names = [re.split(r"[<>=\[ ]", line)[0] for line in lines]
    return {IMPORTED_AS.get(name, name.replace("-", "_")) for name in names}


def misplaced(module: Module) -> list[str]:
    """Imports of a library outside its adapter."""
    return [
        at(module, line, f"imports {name}; tests/law/foreign.toml does not let it")
        for line, name in imports(module)
        if not allowed(module.name, TABLE["allow"].get(name.split(".")[0], [module.name]))
    ]


def undeclared(module: Module) -> list[str]:
    """Imports of a library that an installation does not bring."""
    known = declared() | sys.stdlib_module_names | {"rempart"}
    return [
        at(module, line, f"imports {name}: not declared")
        for line, name in imports(module)
        if name.split(".")[0] not in known
    ]


def test_libraries_that_reach_outside_stay_in_their_adapters() -> None:
    none([complaint for module in source() for complaint in misplaced(module)])


def test_every_imported_library_is_declared() -> None:
    none([complaint for module in source() for complaint in undeclared(module)])


def test_a_misplaced_and_an_undeclared_library_are_caught() -> None:
    assert misplaced(snippet("import duckdb\n", "rempart.journeys.grant"))
    assert misplaced(snippet("from rich.progress import Progress\n", "rempart.adapters.pool"))
    assert not misplaced(snippet("import duckdb\nimport numpy\n", "rempart.adapters.duckdb_query"))
    assert undeclared(snippet("import polars\n"))
    assert not undeclared(snippet("import json, argon2, rempart.errors\n"))
