# SPDX-License-Identifier: Apache-2.0
"""Knowledge stands in data files with its source and date: no SNDS name in Python, no data file without provenance."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.law.tree import ROOT, SOURCE, Module, at, docstrings, none, snippet, source

# Tables and columns of the national claims database, by the prefixes its dictionary uses.
SNDS_NAME = re.compile(
    r"\b(?:(?:BEN|NIR|PRS|PHA|FLX|DCT|CLE|ORG_CLE|REM|RNG|ETE|EXE|SOI|PSE|PSP|CPL|DPN|IMB|MED|DCD|KI|IR|ER|RSA|ETA|ENT|SOR|DGN|ASS"
    r"|CDC|CCAM?|CIP|ATC|GRG)_[A-Z0-9]+(?:_[A-Z0-9]+)*"
    r"|T_(?:MCO|SSR|HAD|RIP)[0-9a-z]*[A-Z]?|ANO_RETOUR|NUM_ENQ\w*)\b"
)

EXAMPLE_HEAD = re.compile(r"# Source: .+ Date: \d{4}-\d{2}-\d{2}\.$")


def snds_names(module: Module) -> list[str]:
    """SNDS names used as Python identifiers or inside string literals (docstrings and comments may explain)."""
    explained = docstrings(module)
    found = []
    for node in ast.walk(module.tree):
        for word in _words(node):
            if id(node) not in explained and (hit := SNDS_NAME.search(word)):
                found.append(at(module, getattr(node, "lineno", 1), f"{hit.group()} belongs in a data file"))
    return found


def _words(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.arg | ast.keyword):
        return [node.arg or ""]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return []


def without_provenance(text: str) -> bool:
    """True unless a TOML text says its source and date, at its top or in one of its first-level tables."""
    data = tomllib.loads(text)
    tables = [data, *(value for value in data.values() if isinstance(value, dict))]
    return not any(table.get("source") and table.get("date") for table in tables)


def data_files() -> list[Path]:
    """TOML files of the package, the examples apart: they are documents to be signed, whose keys the contract fixes."""
    return [path for path in sorted(SOURCE.rglob("*.toml")) if "examples" not in path.parts]


def test_no_snds_name_is_written_in_python() -> None:
    none([complaint for module in source() for complaint in snds_names(module)])


def test_every_data_file_gives_its_source_and_date() -> None:
    files = data_files()
    assert files, "no data file under src: the law looks in the wrong place"
    none(
        [
            f"{p.relative_to(ROOT)}: no source and date"
            for p in files
            if without_provenance(p.read_text(encoding="utf-8"))
        ]
    )


def test_every_example_gives_its_source_and_date_in_its_first_line() -> None:
    examples = [path for path in SOURCE.rglob("*.toml") if "examples" in path.parts]
    assert examples, "no example under src: the law looks in the wrong place"
    first = {path: path.read_text(encoding="utf-8").split("\n", 1)[0] for path in examples}
    none([f"{p.relative_to(ROOT)}: no source and date" for p, line in first.items() if not EXAMPLE_HEAD.match(line)])


@pytest.mark.parametrize(
    "text",
    [
        "BEN_NIR_PSA = 1\n",
        "x = row.FLX_DIS_DTD\n",
        "x = 'select PHA_PRS_C13 from t'\n",
        "x = 'ER_PRS_F'\n",
        "x = 'T_MCO19B'\n",
        "x = 'T_MCOaaC'\n",
        "f(NIR_ANO_17=1)\n",
        "x = f'{a} KI_CCI_R'\n",
    ],
)
def test_an_snds_name_in_python_is_caught(text: str) -> None:
    assert snds_names(snippet(text))


@pytest.mark.parametrize(
    "text", ['"""Reads ER_PRS_F."""\n', "x = 1  # BEN_NIR_PSA\n", "MAX_ROWS = 1\n", "x = 'drug_exposure'\n"]
)
def test_ordinary_names_and_explanations_are_left_alone(text: str) -> None:
    assert not snds_names(snippet(text))


def test_a_data_file_without_provenance_is_caught() -> None:
    assert without_provenance("[rules]\na = 1\n")
    assert without_provenance('source = "x"\n')
    assert not without_provenance('source = "x"\ndate = "2026-01-01"\n')
    assert not without_provenance('[about]\nsource = "x"\ndate = 2026-01-01\n')
