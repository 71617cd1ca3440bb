# SPDX-License-Identifier: Apache-2.0
"""What one ingest decided, the next does not undo in silence: units, rules, vocabulary. What cannot be made is found before."""

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rempart.cli import app
from rempart.journeys.unit_register import live_units
from rempart.wiring import ingest as wiring
from tests.faults.warehouse.place import Outcome, Place
from tests.ingest_house import declare, empty_warehouse
from tests.small_delivery import card, claim, keys, pack, whole, write
from tests.spec.test_vocabulary import (
    CONCEPT,
    CONCEPT_COLUMNS,
    RELATION,
    RELATION_COLUMNS,
    athena_file,
)

APRIL = "2015-04-01"


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``first``: everything; ``month``: April alone; ``again``: March corrected; ``athena``."""
    root = tmp_path_factory.mktemp("deliveries")
    write(root / "first", whole())
    write(
        root / "month",
        {
            "ER_PRS_F_201504": [claim(1) | keys(1, APRIL)],
            "ER_PHA_F_201504": [pack(1) | keys(1, APRIL) | {"PRS_ORD_NUM": "001"}],
        },
    )
    write(root / "again", {"ER_PRS_F_201503": [claim(1), claim(3)], "ER_PHA_F_201503": []})
    write(root / "cards", {"IR_BEN_R": [card()]})
    for name, day in (
        ("first", "2016-01-01"),
        ("month", "2016-02-01"),
        ("again", "2016-02-02"),
        ("cards", "2016-01-01"),
    ):
        declare(root / name, day)
    athena = root / "athena"
    athena.mkdir()
    (athena / "CONCEPT.csv").write_text(athena_file(CONCEPT_COLUMNS, CONCEPT), encoding="utf-8")
    (athena / "CONCEPT_RELATIONSHIP.csv").write_text(athena_file(RELATION_COLUMNS, RELATION), encoding="utf-8")
    return root


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A warehouse without a snapshot."""
    with empty_warehouse(tmp_path / "house") as made:
        yield made


def told(outcome: Outcome) -> dict[str, Any]:
    """The data of an answer that is well."""
    assert outcome.code == 0, outcome.told
    data: dict[str, Any] = outcome.answer["data"]
    return data


def live(place: Place) -> list[str]:
    """Names of live units."""
    return sorted(unit.name for unit in live_units(place.body("warehouse").body.facts))


def said(place: Place, *words: str | Path) -> str:
    """What a person reads, on both outputs."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        app.main(["--lang", "en", "--dir", str(place.directory), *map(str, words)])
    return out.getvalue()


def told_quality(place: Place) -> list[dict[str, Any]]:
    """Its findings, whatever failed."""
    findings: list[dict[str, Any]] = place.run("quality").answer["data"]["findings"]
    return findings


def test_no_first_ingest_without_cards_writes_anything(place: Place, deliveries: Path) -> None:
    for more in ((), ("--plan",)):
        assert place.run("ingest", str(deliveries / "month"), *more).error == "cards-missing"
    assert [event for event in place.events() if event.kind == "ingest"] == []
    assert place.run("vault", "hash").error == "space-missing"


def test_units_without_research_tables_are_told_as_such(place: Place, deliveries: Path) -> None:
    assert "no research tables yet" in said(place, "ingest", deliveries / "month", "--later")
    for command in (("vault", "hash"), ("quality",)):
        assert place.run(*command).error == "research-missing"


def test_a_fresh_start_without_cards_is_refused_before_it_is_written(place: Place, deliveries: Path) -> None:
    told(place.run("ingest", str(deliveries / "first")))
    before = live(place)
    assert place.run("ingest", str(deliveries / "month"), "--replace").error == "cards-missing"
    assert live(place) == before
    assert place.run("quality").answer["data"]["behind"] is False
    assert told(place.run("ingest", str(deliveries / "month")))["head"]


def test_a_fresh_start_tells_what_leaves_and_how_often_it_commits(place: Place, deliveries: Path) -> None:
    told(place.run("ingest", str(deliveries / "first"), str(deliveries / "month")))
    plan = told(place.run("ingest", str(deliveries / "first"), "--replace", "--plan"))
    assert (plan["leaving"], plan["commits"]) == ([["dcir/201504", 2]], 2)
    text = said(place, "ingest", deliveries / "first", "--replace", "--plan")
    assert "dcir/201504" in text
    snapshots = len([event for event in place.events() if event.kind == "ingest"])
    made = told(place.run("ingest", str(deliveries / "first"), "--replace"))
    assert made["leaving"] == [["dcir/201504", 2]]
    assert "dcir/201504" not in live(place)
    assert len([event for event in place.events() if event.kind == "ingest"]) > snapshots
    assert told(place.run("ingest", str(deliveries / "first"), "--replace", "--plan"))["commits"] == 0


def test_a_unit_given_twice_replaces_the_first(place: Place, deliveries: Path) -> None:
    words = ("ingest", str(deliveries / "again"), str(deliveries / "first"))
    plan = told(place.run(*words, "--plan"))
    fates = [(name, fate) for name, fate, *_ in plan["units"] if name == "dcir/201503"]
    assert fates == [("dcir/201503", "new"), ("dcir/201503", "replaces")]
    assert [row for row in told(place.run(*words))["units"] if row[0] == "dcir/201503"] == [list(f) for f in fates]


def test_a_failed_compaction_tells_that_the_units_are_committed(
    place: Place, deliveries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(place.run("ingest", str(deliveries / "first")))

    def fails(*_: object, **__: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(wiring, "compact_units", fails)
    outcome = place.run("ingest", str(deliveries / "month"))
    assert outcome.code == 70
    assert "the units were committed" in outcome.told
    assert "vault compact" in outcome.told
    monkeypatch.undo()
    page = tmp_path / "page.html"
    assert "units were added or dropped" in said(place, "quality", "--page", page)
    assert "Units were added or dropped" in page.read_text("utf-8")
    assert told(place.run("vault", "compact"))["head"]


def test_rules_stay_until_others_are_named(place: Place, deliveries: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[switch]\nP4 = false\nP7 = true\n\n[observation]\nmonths_after_last_contact = 24\n", "utf-8")
    first = place.run("ingest", str(deliveries / "first"), "--rules", str(rules))
    differ = told(first)["rules"]["differ"]
    assert differ == {"P4": "off", "P7": "on", "observation.months_after_last_contact": "24"}
    kept = told(place.run("ingest", str(deliveries / "month")))["rules"]
    assert (kept["kept"], kept["differ"], kept["changed"]) == (True, differ, [])
    assert told(place.run("vault", "compact"))["head"] is None
    assert "P4 off, P7 on" in said(place, "vault", "compact")
    back = told(place.run("vault", "compact", "--rules", "default"))
    assert back["head"]
    assert (back["rules"]["differ"], [row[0] for row in back["rules"]["changed"] if row[0][0] == "P"]) == (
        {},
        ["P4", "P7"],
    )


def test_no_vocabulary_is_lost_in_silence(place: Place, deliveries: Path, tmp_path: Path) -> None:
    first, athena = str(deliveries / "first"), str(deliveries / "athena")
    assert place.run("ingest", first, "--vocabulary", str(tmp_path / "nothing")).error == "vocabulary-file"
    assert [event for event in place.events() if event.kind == "ingest"] == []
    told(place.run("ingest", first))
    made = told(place.run("ingest", first, "--vocabulary", athena))
    assert ["CIM-10", "CIM10"] in [row[:2] for row in made["mapped"] if row[3]]
    assert (made["rules"]["vocabulary"] != "", made["head"] is not None) == (True, True)
    assert told(place.run("ingest", first, "--vocabulary", athena))["head"] is None
    findings = told_quality(place)
    assert {f["why"] for f in findings if f["kind"] == "codes-mapped"} <= {"", "empty"}
    month = str(deliveries / "month")
    assert place.run("ingest", month).error == "vocabulary-unnamed"
    assert "dcir/201504" not in live(place)
    assert told(place.run("ingest", month, "--vocabulary", "none"))["rules"]["vocabulary"] == ""
    empty = tmp_path / "empty"
    shutil.copytree(athena, empty)
    (empty / "CONCEPT.csv").write_text(athena_file(CONCEPT_COLUMNS, ""), encoding="utf-8")
    assert "no code of these deliveries a standard concept" in said(place, "vault", "compact", "--vocabulary", empty)
