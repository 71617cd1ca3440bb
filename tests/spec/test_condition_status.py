# SPDX-License-Identifier: Apache-2.0
"""Kinds of diagnosis in a study file: those that an ingest writes, and no others; wherever a record is asked for."""

import copy
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from rempart.adapters import package_data
from rempart.errors import RempartError
from rempart.wiring.study_files import judge_study

WHOLE = Path(__file__).parent / "whole_language.toml"


def kinds() -> list[str]:
    """The words that studies are judged by."""
    return list(package_data.toml("records/condition_status.toml")["kinds"])


def asked(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every table of the file that asks for conditions, with its path."""
    found = [(path, value)] if isinstance(value, dict) and value.get("domain") == "condition" else []
    if isinstance(value, dict):
        for name, item in value.items():
            found += asked(item, f"{path}.{name}".lstrip("."))
    if isinstance(value, list):
        for at, item in enumerate(value, 1):
            found += asked(item, f"{path}[{at}]")
    return found


def wrong(tmp_path: Path, place: str, words: list[str]) -> list[RempartError]:
    """What is wrong with the study that holds the whole language, when one record of it asks for these words."""
    parsed = copy.deepcopy(tomllib.loads(WHOLE.read_text(encoding="utf-8")))
    dict(asked(parsed))[place]["status"] = words
    (tmp_path / "s.toml").write_text(tomli_w.dumps(parsed), encoding="utf-8")
    return judge_study(tmp_path / "s.toml")[1]


def places() -> list[str]:
    """The records of the file, with its variants left out: they change what is read before."""
    parsed = tomllib.loads(WHOLE.read_text(encoding="utf-8"))
    return [path for path, _ in asked({name: item for name, item in parsed.items() if name != "variants"})]


def test_the_whole_language_asks_for_conditions_in_cohorts_outcomes_and_covariates() -> None:
    assert {path.split(".")[0] for path in places()} >= {"cohorts", "outcomes", "covariates"}


@pytest.mark.parametrize("place", places())
def test_a_kind_that_no_warehouse_writes_is_refused_by_its_name(tmp_path: Path, place: str) -> None:
    told = [error for error in wrong(tmp_path, place, ["DP", "PRINCIPAL"]) if error.code == "condition-status"]
    assert [error.facts["field"] for error in told] == [f"{place}.status"]
    assert told[0].facts["given"] == "PRINCIPAL"
    assert told[0].facts["expected"] == ", ".join(kinds())
    assert told[0].facts["line"] and "near" not in told[0].facts


def test_lower_case_is_told_as_what_was_meant(tmp_path: Path) -> None:
    (error,) = [item for item in wrong(tmp_path, places()[0], ["dp"]) if item.code == "condition-status"]
    assert (error.facts["given"], error.facts["near"]) == ("dp", "DP")


def test_a_word_is_told_no_longer_than_a_word(tmp_path: Path) -> None:
    (error,) = [item for item in wrong(tmp_path, places()[0], ["x" * 300]) if item.code == "condition-status"]
    assert error.facts["given"] == "x" * 40


def test_every_kind_that_an_ingest_writes_can_be_asked_for(tmp_path: Path) -> None:
    """The words of the diagnoses in the statements of the ingest are those of the file, no more and no fewer."""
    text = "".join(package_data.text(f"ingest/sql/{name}") for name in package_data.names("ingest/sql", ".sql"))
    written = set(re.findall(r"'diagnosis'(?: AS kind)?, '([A-Z_]+)'", text))
    own = package_data.text("ingest/sql/omop_condition_occurrence.sql")
    written |= set(re.findall(r"(?:principal AS code|related|code), '([A-Z]+)'", own))
    assert written == set(kinds())
    assert not [item for item in wrong(tmp_path, places()[0], kinds()) if item.code == "condition-status"]
