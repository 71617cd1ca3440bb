# SPDX-License-Identifier: Apache-2.0
"""Sets of rules and files of packs, filled into a study when its file is read; and what Rempart ships of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rempart.adapters import package_data
from rempart.adapters.supply_files import read_packs
from rempart.errors import BadInput
from rempart.records.exposure import Eras
from rempart.records.exposure_sets import filled
from rempart.records.study import study_from_dict
from rempart.wiring.study_files import read_study

KNOWN = package_data.toml("cohort/supply.toml")
STUDY = """
schema = "rempart.study/1"
permit = "P-2026-0001"
[protocol]
title = "t"
question = "q"
estimand = "initiation"
period = [2014-01-01, 2014-12-31]
[codes.drug]
system = "CIP13"
include = ["3400935563248", "3400937169110"]
[codes.other]
system = "ATC"
include = ["G02BA"]
[codes.tumour]
system = "CIM10"
include = ["C67"]
[cohorts.main]
entry = { any = [{ domain = "drug", codes = "drug" }] }
[exposures.target]
domain = "drug"
codes = "drug"
{keys}
[exposures.comparator]
domain = "drug"
codes = "other"
[outcomes.tumour]
any = [{ domain = "condition", codes = "tumour" }]
[[analyses]]
id = "main"
type = "attrition"
design = "cohort"
"""


def eras(folder: Path, keys: str) -> Eras:
    """What the exposure of a study file with those keys holds."""
    file = folder / "study.toml"
    file.write_text(STUDY.replace("{keys}", keys), encoding="utf-8")
    found = read_study(file).study.exposures["target"].eras
    if found is None:
        raise LookupError("no rules")
    return found


def test_a_set_and_the_shipped_packs_are_written_into_the_study(tmp_path: Path) -> None:
    found = eras(tmp_path, 'supply = "listed"\npacks = "shipped"')
    assert [rule.rule for rule in found.supply] == ["device", "quarterly", "opened", "pack", "size"]
    assert [(pack.code, pack.days, pack.kind) for pack in found.packs] == [
        ("3400935563248", 28, None),
        ("3400937169110", 84, "quarterly"),
    ]


def test_shipped_packs_of_a_class(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    told = 'codes = "other"\nsupply = "listed"\npacks = "shipped"\n[outcomes.'
    file.write_text(STUDY.replace("{keys}", "").replace('codes = "other"\n[outcomes.', told), encoding="utf-8")
    found = read_study(file).study.exposures["comparator"].eras
    assert found is not None
    assert {pack.code for pack in found.packs} == {"3400933929282", "3400927419478"}


def test_a_file_of_packs_lies_beside_the_study(tmp_path: Path) -> None:
    (tmp_path / "packs.csv").write_text(
        "code;units;days;strength;daily_dose\n3400935563248;28;;15;30\n", encoding="utf-8"
    )
    keys = 'supply = [{ rule = "daily_dose", source = "ours", date = "2026" }]\npacks = "packs.csv"\ndose_unit = "mg"'
    (pack,) = eras(tmp_path, keys).packs
    assert (pack.units, pack.days, pack.strength, pack.daily_dose) == (28, None, 15, 30)


def test_the_canonical_form_needs_neither_set_nor_file(tmp_path: Path) -> None:
    keys = 'supply = "listed_or_month"\npacks = "shipped"'
    eras(tmp_path, keys)
    study = read_study(tmp_path / "study.toml").study
    assert study_from_dict(study.as_dict()).content_id == study.content_id
    spelt = filled(study.as_dict(), file="f", known={"sets": {}, "packs": {}}, packs_of=lambda name: [])
    assert spelt == study.as_dict()


def test_a_set_that_there_is_not_is_told_with_the_likely_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        eras(tmp_path, 'supply = "listd"')
    assert (error.value.code, error.value.facts["near"], error.value.facts["field"]) == (
        "study-name",
        "listed",
        "exposures.target.supply",
    )


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("code;units\n1;x\n", 2),
        ("code;units\n1;1\n2;-3\n", 3),
        ("code;colour\n1;red\n", 1),
        ("units\n28\n", 1),
        ("", 1),
        ("code;code\n1;1\n", 1),
    ],
)
def test_a_file_that_is_no_list_of_packs_is_told_by_its_row(tmp_path: Path, text: str, row: int) -> None:
    file = tmp_path / "packs.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as error:
        read_packs(file)
    assert (error.value.code, error.value.facts["row"]) == ("supply-file", row)


def test_a_file_that_is_missing_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        eras(tmp_path, 'supply = "listed"\npacks = "nowhere.csv"')
    assert (error.value.code, error.value.facts["file"]) == ("file-missing", "nowhere.csv")


def _provenance(group: Mapping[str, Any]) -> bool:
    return bool(group.get("source") and group.get("date"))


def test_every_set_and_list_that_is_shipped_says_its_source_and_reads(tmp_path: Path) -> None:
    assert all(_provenance(group) for kind in ("sets", "packs") for group in KNOWN[kind].values())
    assert all(_provenance(rule) for found in KNOWN["sets"].values() for rule in found["rules"])
    for name in KNOWN["sets"]:
        assert eras(tmp_path, f'supply = "{name}"\npacks = "shipped"').supply
    codes = [row["code"] for group in KNOWN["packs"].values() for row in group["rows"]]
    assert len(set(codes)) == len(codes)


def test_no_daily_dose_is_shipped() -> None:
    assert not [rule for found in KNOWN["sets"].values() for rule in found["rules"] if rule["rule"] == "daily_dose"]
    assert not [row for group in KNOWN["packs"].values() for row in group["rows"] if "daily_dose" in row]


@pytest.mark.parametrize("include", [None, 5, {}, "C67"])
def test_codes_that_are_no_list_are_left_for_the_reader_to_judge(include: object) -> None:
    parsed = {
        "codes": {"c": {"system": "CIP13", "include": include}},
        "exposures": {"one": {"codes": "c", "packs": "shipped"}, "two": {"codes": ["c"], "packs": "shipped"}},
    }
    known = package_data.toml("cohort/supply.toml")
    found = filled(parsed, file="s.toml", known=known, packs_of=lambda _: [])["exposures"]
    assert [item["packs"] for item in found.values()] == [[], []]
