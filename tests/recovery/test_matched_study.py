# SPDX-License-Identifier: Apache-2.0
"""A study with matched comparators by its command: counts as by hand, the same for every cut, after a kill at either step; harm is seen."""

import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rempart.adapters.scratch_directory import ScratchDirectory
from rempart.errors import NotTrusted
from rempart.journeys.space import read_parts
from rempart.records.fields import Fields
from rempart.records.matching import Matching, read_matching
from rempart.records.result import ResultRow
from rempart.wiring.acts import run_study_file
from tests.faults.warehouse.place import Place, Silence, copied, workers_find_the_package
from tests.naive_matching import People, may_serve
from tests.recovery.test_kill import audit, killed, scratch

MATCH = {"to": "starters", "from": "users", "kind": "risk-set", "ratio": 3, "on": ["sex", "age"], "age_years": 4}
LIST = ", ".join(
    f"{key} = {str(value).lower() if isinstance(value, bool) else value!r}" for key, value in MATCH.items()
)
STARTERS = ("3400935563248", "3400935563538", "3400937169110")
USERS = ("3400926910891", "3400926911324", "3400927368868", "3400937063210", "3400937472548")
STUDY = f"""
schema = "rempart.study/1"
permit = "PERMIT"
[protocol]
title = "matched"
question = "who is matched to whom?"
estimand = "initiation"
period = [2013-01-01, 2013-12-31]
[codes.pioglitazone]
system = "CIP13"
include = {list(STARTERS)}
[codes.sulfonylurea]
system = "CIP13"
include = {list(USERS)}
[cohorts.starters]
entry = {{ any = [{{ domain = "drug", codes = "pioglitazone" }}], limit = "first" }}
[cohorts.users]
entry = {{ any = [{{ domain = "drug", codes = "sulfonylurea" }}], limit = "first" }}
[cohorts.controls]
match = {{ {LIST} }}
[covariates.sex]
type = "sex"
[[analyses]]
id = "matched"
type = "attrition"
design = "cohort"
inputs = {{ cohort = "controls_cases" }}
[[analyses]]
id = "drawn"
type = "attrition"
design = "cohort"
inputs = {{ cohort = "controls" }}
[[analyses]]
id = "balance"
type = "table_one"
design = "cohort"
inputs = {{ cohorts = ["controls_cases", "controls"] }}
"""
FIRST, LAST = datetime.date(2013, 1, 1), datetime.date(2013, 12, 31)


def prepared(place: Place) -> Place:
    """The study of the project that is there."""
    (place.root / "study.toml").write_text(STUDY.replace("PERMIT", "P-2026-0001"), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def matched(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A warehouse on which the study ran once."""
    with pytest.MonkeyPatch.context() as patch, copied(whole, tmp_path_factory.mktemp("matched") / "copy") as place:
        workers_find_the_package(patch)
        yield prepared(place)


@pytest.fixture(scope="module")
def undisturbed(matched: Place) -> tuple[ResultRow, ...]:
    """Its rows."""
    rows, resumed = studied(matched)
    assert resumed == 0
    assert scratch(matched) == []
    assert audit(matched) == []
    return rows


def studied(place: Place) -> tuple[tuple[ResultRow, ...], int]:
    """Result rows, and how many shards were there already."""
    warehouse = place.warehouse()
    done = run_study_file(
        warehouse,
        file=place.root / "study.toml",
        key_file=Path(place.key("alice")),
        ask=lambda _: "",
        workers=2,
        progress=Silence(),
    )
    return done.rows, done.resumed


def counts(rows: tuple[ResultRow, ...], output: str) -> dict[str, float | None]:
    """Persons by step."""
    return {row.row_key["step"]: row.value for row in rows if row.output == output and row.statistic == "n"}


def clear(place: Place, table: str, sibling: str = "main") -> pa.Table:
    """A table of the project in clear, as who has the passphrase opens it."""
    opened = place.body("project:first")
    parts = [p for p in opened.body.parts if (p.table, p.sibling) == (table, sibling)]
    found = [
        pq.read_table(pa.BufferReader(bytes(part))) for part in read_parts(place.vault(), opened, parts, reference="")
    ]
    return pa.concat_tables(found)


def people_of(place: Place) -> People:
    """Who starts and who uses, from the tables: the first day with a pack in the period, while observed."""
    people = People()
    for row in clear(place, "person").to_pylist():
        people.sex[row["person_id"]], people.born[row["person_id"]] = row["gender_concept_id"], row["year_of_birth"]
    spells: dict[int, list[tuple[datetime.date, datetime.date]]] = {}
    for row in clear(place, "observation_period").to_pylist():
        days = row["observation_period_start_date"], row["observation_period_end_date"]
        spells.setdefault(row["person_id"], []).append(days)
    drugs = clear(place, "drug_exposure").to_pylist()
    for codes, periods in ((STARTERS, people.cases), (USERS, people.pool)):
        days: dict[int, list[datetime.date]] = {}
        for row in drugs:
            day = row["drug_exposure_start_date"]
            if row["drug_source_value"] in codes and FIRST <= day <= LAST:
                days.setdefault(row["person_id"], []).append(day)
        for person, found in days.items():
            spell = [s for s in spells.get(person, []) if s[0] <= min(found) <= s[1]]
            if spell:
                periods.append((person, min(found), min(spell[0][1], datetime.date(2017, 12, 31))))
    return people


def by_hand(place: Place, rule: Matching) -> list[int]:
    """Cases, those with a control, those with as many as asked."""
    people = people_of(place)
    free = [sum(may_serve(people, rule, case, (p, case[1])) for p in people.sex) for case in people.cases]
    return [len(free), sum(n > 0 for n in free), sum(n >= rule.ratio for n in free)]


def test_cases_with_and_without_controls_are_those_counted_by_hand(
    matched: Place, undisturbed: tuple[ResultRow, ...]
) -> None:
    rule = read_matching(Fields({"match": MATCH}, file="f"))
    found = counts(undisturbed, "attrition_matched")
    assert [found[step] for step in sorted(found)] == by_hand(matched, rule)
    assert 3 < by_hand(matched, rule)[1] < by_hand(matched, rule)[0]
    ((_, controls),) = counts(undisturbed, "attrition_drawn").items()
    shown = {
        row.column_key["arm"]: row.value
        for row in undisturbed
        if row.output == "table_one" and row.statistic == "n" and row.row_key["variable"] == "all"
    }
    assert shown["controls"] == controls
    assert shown["controls_cases"] == by_hand(matched, rule)[1]


def test_every_person_of_a_project_has_a_draw_number_of_their_own(matched: Place) -> None:
    draws = clear(matched, "person", "draw")
    assert sorted(draws.column("person_id").to_pylist()) == sorted(
        clear(matched, "person").column("person_id").to_pylist()
    )
    numbers = draws.column("draw").to_pylist()
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) >= 0
    assert 0.3 < sum(numbers) / len(numbers) / 2**63 < 0.7
    assert numbers != sorted(numbers)


@pytest.mark.parametrize("step", ["exchange", "match"])
def test_a_study_killed_within_a_step_takes_up_there_and_gives_the_same_rows(
    place: Place, undisturbed: tuple[ResultRow, ...], step: str
) -> None:
    prepared(place)
    killed(place, "study", step, 6)
    (run,) = scratch(place)
    folder = place.directory / "controller" / "scratch" / run
    there = {path.name: path.read_bytes() for path in folder.glob(f"{step}-*")}
    assert there, "nothing was kept before the kill"
    assert audit(place) == ["intent-open"]
    kept: dict[str, bytes] = {}

    class Watching(ScratchDirectory):
        def clear(self, run: str | None = None) -> None:
            kept.update({path.name: path.read_bytes() for path in folder.glob(f"{step}-*")})
            super().clear(run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rempart.wiring.warehouse.ScratchDirectory", Watching)
        rows, _ = studied(place)
    assert rows == undisturbed
    sources = Counter(name.split("-")[1] for name in there)
    whole = [name for name in there if sources[name.split("-")[1]] == (4 if step == "exchange" else 2)]
    assert whole
    assert {name: there[name] for name in whole} == {name: kept[name] for name in whole}, "it was done again"
    assert len(kept) == 8 > len(there)
    assert scratch(place) == []
    assert audit(place) == []


def _swap(folder: Path) -> None:
    first, second = sorted(folder.glob("exchange-*"))[:2]
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def test_a_piece_that_is_changed_while_a_run_lies_dead_is_seen(place: Place) -> None:
    prepared(place)
    killed(place, "study", "match", 3)
    (run,) = scratch(place)
    _swap(place.directory / "controller" / "scratch" / run)
    with pytest.raises(NotTrusted, match="sealed-bytes"):
        studied(place)


def test_another_number_of_shards_gives_the_same_counts(place: Place, undisturbed: tuple[ResultRow, ...]) -> None:
    config = place.directory / "rempart.toml"
    text = config.read_text(encoding="utf-8")
    assert "shards = 2" in text
    config.write_text(text.replace("shards = 2", "shards = 8"), encoding="utf-8")
    assert place.grant("second").code == 0
    (place.root / "study.toml").write_text(STUDY.replace("PERMIT", "P-2026-0002"), encoding="utf-8")
    assert place.body("project:second").body.shards == 8
    rows, _ = studied(place)
    assert counts(rows, "attrition_matched") == counts(undisturbed, "attrition_matched")


def test_a_dataset_from_before_draw_numbers_says_what_to_ask_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(self: Any, *given: Any) -> Iterator[tuple[str, dict[str, pa.Table]]]:
        return ((table, siblings) for table, siblings in parts(self, *given) if "draw" not in siblings)

    from rempart.journeys.grant import _Extract

    parts = _Extract._parts
    with monkeypatch.context() as patch:
        patch.setattr(_Extract, "_parts", without)
        assert place.grant("third").code == 0
    (place.root / "study.toml").write_text(STUDY.replace("PERMIT", "P-2026-0003"), encoding="utf-8")
    told = place.study()
    assert (told.code, told.error) == (30, "draw-missing")
    assert "fresh grant" in told.answer["error"]["hint"]
