# SPDX-License-Identifier: Apache-2.0
"""Law 1: doors, wiring, journeys | adapters, rooms, ports, records, errors; rooms never import one another (import-linter)."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.law.tree import DOORS, PURE, ROOT, Module, at, imports, none, snippet, source

KNOWN = PURE | DOORS | {"wiring", "journeys", "adapters", ""}
TINY = {
    "__init__": "",
    "errors": "",
    "records/__init__": "",
    "ports/__init__": "",
    "vault/__init__": "",
    "study/__init__": "",
    "journeys/__init__": "",
    "adapters/__init__": "",
    "cli/__init__": "",
}

UPWARD = [
    ("study", "vault"),
    ("vault", "study"),
    ("vault", "adapters"),
    ("study", "journeys"),
    ("journeys", "adapters"),
    ("adapters", "journeys"),
    ("records", "ports"),
    ("errors", "records"),
    ("adapters", "cli"),
]


def run_contracts(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of ``root``'s pyproject.toml on ``root``/src."""
    command = [sys.executable, str(root / "scripts" / "import_contracts.py")]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A package of empty layers under the same contracts."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "scripts" / "import_contracts.py", tmp_path / "scripts")
    for name, text in TINY.items():
        path = tmp_path / "src" / "rempart" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_import_contracts_hold() -> None:
    result = run_contracts(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_contracts_catch_every_import_against_the_layers(tiny: Path) -> None:
    for importer, imported in UPWARD:
        path = tiny / "src" / "rempart" / importer
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with file.open("a", encoding="utf-8") as text:
            text.write(f"import rempart.{imported}\n")
    result = run_contracts(tiny)
    told = re.sub(r"\s+", " ", result.stdout)
    assert result.returncode != 0
    none([f"{a} -> {b} is let through" for a, b in UPWARD if f"rempart.{a} -> rempart.{b}" not in told])


def test_the_contracts_catch_a_package_without_a_layer(tiny: Path) -> None:
    (tiny / "src" / "rempart" / "extras.py").write_text("", encoding="utf-8")
    assert run_contracts(tiny).returncode != 0


def test_the_contracts_hold_on_a_clean_package(tiny: Path) -> None:
    assert run_contracts(tiny).returncode == 0


def test_every_package_is_a_known_room_or_layer() -> None:
    assert {module.room for module in source()} <= KNOWN


def identifier_breaches(modules: tuple[Module, ...]) -> list[str]:
    """Law 2: only ingest and identity import a module of identifier types (one named ``identifier…``)."""
    return [
        at(module, line, f"imports {name}: only ingest and identity touch an identifier type")
        for module in modules
        if module.room not in {"ingest", "identity"} and not module.name.startswith("rempart.records.identifier")
        for line, name in imports(module)
        if name.startswith("rempart.") and any(part.startswith("identifier") for part in name.split("."))
    ]


def test_only_ingest_and_identity_touch_an_identifier_type() -> None:
    none(identifier_breaches(source()))


def test_an_identifier_imported_by_a_study_is_caught() -> None:
    text = "from rempart.identity.identifiers import NationalIdentifier\n"
    assert identifier_breaches((snippet(text, "rempart.study.plan"),))
    assert not identifier_breaches((snippet(text, "rempart.identity.resolve"),))


def test_the_synthetic_population_imports_nothing_but_errors_of_the_house() -> None:
    none(
        [
            at(module, line, f"synthetic imports {name}: it must share no code with what it tests")
            for module in source()
            if module.room == "synthetic"
            for line, name in imports(module)
            if name.startswith("rempart.") and not name.startswith(("rempart.synthetic", "rempart.errors"))
        ]
    )
