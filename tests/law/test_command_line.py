# SPDX-License-Identifier: Apache-2.0
"""The door: help is quick because it imports no engine, every command is in the README, nothing prints but the doors."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from tests.law.tree import DOORS, ROOT, Module, at, none, snippet, source

HEAVY = frozenset({"duckdb", "numpy", "sqlalchemy", "pyarrow", "scipy", "altair", "vl_convert"})
DOOR = importlib.util.find_spec("rempart.cli") is not None and importlib.util.find_spec("rempart.cli.app") is not None
PROBE = """
import json, sys
from rempart.cli.app import main
sys.argv = ["rempart", *{arguments!r}]
try:
    code = main()
except SystemExit as end:
    code = end.code
sys.stderr.write(json.dumps({{"code": code, "modules": sorted({{name.split(".")[0] for name in sys.modules}})}}))
"""


def run_help(probe: str) -> dict[str, Any]:
    """Run a probe in a fresh interpreter; what it wrote last on standard error."""
    result = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
        env=_clean_environment(),
    )
    found: dict[str, Any] = json.loads(result.stderr.splitlines()[-1])
    return found


def _clean_environment() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "America/New_York"}


if DOOR:

    @pytest.mark.parametrize(
        "arguments", [["--help"], ["study", "--help"], ["study", "run", "--help"], ["demo", "--help"]]
    )
    def test_help_imports_no_engine(arguments: list[str]) -> None:
        told = run_help(PROBE.format(arguments=arguments))
        assert told["code"] in {0, None}
        assert not HEAVY & set(told["modules"])

    def test_the_commands_of_a_ledger_that_lost_leaves_are_commands() -> None:
        from rempart.cli.commands import ANYWHERE, READS, TREE

        assert TREE.keys() >= READS | ANYWHERE and not READS & ANYWHERE

    def test_every_command_stands_in_the_readme() -> None:
        from rempart.cli.commands import TREE

        assert len(TREE) > 5
        none(undocumented(TREE, (ROOT / "README.md").read_text(encoding="utf-8")))


def undocumented(commands: Iterable[str], readme: str) -> list[str]:
    """Commands (``init``, ``keys unlock``…) that the README never shows after the word rempart."""
    return [
        f"rempart {command}: not in README.md" for command in commands if not re.search(rf"rempart {command}\b", readme)
    ]


def prints(module: Module) -> list[str]:
    """Calls of print."""
    return [
        at(module, node.lineno, "prints")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]


def test_only_the_doors_print() -> None:
    none([complaint for module in source() if module.room not in DOORS for complaint in prints(module)])


def test_a_print_is_caught() -> None:
    assert prints(snippet("def f():\n    print('a')\n"))


def test_the_help_probe_sees_an_engine_that_is_imported() -> None:
    told = run_help(
        "import json, sys, numpy\nsys.stderr.write(json.dumps({'modules': sorted({n.split('.')[0] for n in sys.modules})}))"
    )
    assert HEAVY & set(told["modules"])


def test_a_command_missing_from_the_readme_is_caught() -> None:
    assert undocumented(["init", "keys unlock"], "Type `rempart initiate` or `rempart keys lock`.")
    assert not undocumented(["init", "keys unlock"], "`rempart init DIR`, then `rempart keys unlock`.")
