# SPDX-License-Identifier: Apache-2.0
"""A study file with all its variants at once: planned together, run on one cache, each with its own result, a failing one named."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rempart.disclosure.check import check
from rempart.disclosure.commitments import key_of
from rempart.errors import Missing, RempartError, Unavailable
from rempart.journeys.checked import Checked, checked, checked_tables, standing
from rempart.journeys.evidence import open_result
from rempart.journeys.permits import events
from rempart.journeys.release import finished_run
from rempart.records.result import CheckedTable, ResultRow
from rempart.wiring.releases import desk
from rempart.wiring.warehouse import Warehouse
from tests.disclosure_rows import RULES, counts_shown
from tests.journeys.house import EXAMPLES, House, copy_house
from tests.journeys.raw_result import cells, raw_rows, same

Counts = dict[tuple[str, str, str, str], int]

VARIANTS = """
[variants.cases]
"analyses[4].parameters.lookback_days" = [180]
[variants.grown]
"cohorts.diabetes.age" = [[50, 120]]
"cohorts.diabetes.exit.days" = [1095, 800]
"""
TOO_FAR = """
[variants.far]
"cohorts.diabetes.prior_observation_days" = [3000]
"""
CASES, FAR = "cases.lookback_days_180", "far.prior_observation_days_3000"


@pytest.fixture(scope="module")
def house(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The small warehouse with the permit of the worked study on diabetes, unlocked."""
    made = copy_house(small_template, tmp_path_factory.mktemp("variants") / "house")
    made.unlock()
    made.told("permit", "grant", EXAMPLES / "diabetes" / "permit.toml", "--key", made.key("claire"))
    yield made
    made.lock()


def study(house: House, name: str, more: str) -> Path:
    """The worked study with these variants."""
    return house.write(name, (EXAMPLES / "diabetes" / "study.toml").read_text(encoding="utf-8") + more)


@pytest.fixture(scope="module")
def plan(house: House) -> dict[str, Any]:
    """What was planned before anything ran."""
    return house.told("study", "plan", study(house, "study.toml", VARIANTS), "--every-variant", "--workers", "1")


@pytest.fixture(scope="module")
def runs(house: House, plan: dict[str, Any]) -> list[dict[str, Any]]:
    """What became of each, in order."""
    words = ("--every-variant", "--key", house.key("alice"), "--workers", "1")
    found: list[dict[str, Any]] = house.told("study", "run", study(house, "study.toml", VARIANTS), *words)["runs"]
    return found


def test_each_variant_has_its_own_study_run_and_result(runs: list[dict[str, Any]]) -> None:
    assert [run["variant"] for run in runs][:2] == ["", CASES] and len(runs) == 4
    for what in ("study", "run", "result"):
        assert len({run[what] for run in runs}) == 4, what


def test_the_plan_counts_shared_parts_once_and_the_runs_compute_them_once(
    plan: dict[str, Any], runs: list[dict[str, Any]]
) -> None:
    together, parts = plan["together"], [item["parts"] for item in plan["studies"]]
    assert [item["variant"] for item in plan["studies"]] == [run["variant"] for run in runs]
    assert together["parts"] == sum(parts) == together["new"] + together["kept"]
    assert [run["reused"] for run in runs] == [item["kept"] for item in plan["studies"]]
    assert runs[0]["reused"] == 0 and runs[1]["reused"] == parts[1] - 1, "one analysis alone is another"
    assert together["kept"] > 0


def test_together_they_give_what_each_gives_alone(house: House, runs: list[dict[str, Any]]) -> None:
    file = house.folder / "study.toml"
    shared = cells(house, runs[1]["run"])
    assert shared != cells(house, runs[2]["run"])
    alone = house.told(
        "study", "run", file, "--variant", CASES, "--fresh", "--key", house.key("alice"), "--workers", "1"
    )
    assert alone["run"] == runs[1]["run"], "the same signed study on the same data"
    same(cells(house, alone["run"]), shared)


def test_a_variant_that_is_refused_is_named_and_the_others_end_well(house: House, runs: list[dict[str, Any]]) -> None:
    file = study(house, "far.toml", VARIANTS + TOO_FAR)
    planned = house.call("--json", "study", "plan", file, "--every-variant")
    assert planned.code == 1
    assert [item["variant"] for item in planned.json["data"]["studies"] if not item["fits"]] == [FAR]
    words = ("study", "run", file, "--every-variant", "--key", house.key("alice"), "--workers", "1")
    answer = house.call("--json", *words)
    assert (answer.code, answer.error["code"], answer.json["ok"]) == (10, "study-variants-failed", False)
    told = answer.json["data"]["runs"]
    assert [run["run"] for run in told if "run" in run] == [run["run"] for run in runs], "the others, as before"
    (failed,) = [run for run in told if "error" in run]
    assert (failed["variant"], failed["error"]["code"]) == (FAR, "window-before-lookback")
    spoken = house.call(*words, lang="fr")
    assert f"{FAR} n'a pas abouti" in spoken.err
    assert "l'étude elle-même" in spoken.out and "Traceback" not in spoken.err


def test_words_say_what_all_of_them_cost(house: House, runs: list[dict[str, Any]]) -> None:
    for lang, itself in (("en", "the study itself"), ("fr", "l'étude elle-même")):
        answer = house.call("study", "plan", house.folder / "study.toml", "--every-variant", lang=lang)
        assert answer.code == 0 and itself in answer.out and CASES in answer.out
    assert "--every-variant" in answer.out
    both = house.call("--json", "study", "plan", house.folder / "study.toml", "--every-variant", "--variant", CASES)
    assert both.error["code"] == "options-apart"


def test_what_is_hidden_does_not_change_with_the_fingerprints_of_a_warehouse(
    house: House, runs: list[dict[str, Any]]
) -> None:
    """They are drawn anew in each: an order of hiding that followed them once left nothing of a run in one warehouse out of twenty."""
    for run in runs:
        rows = raw_rows(house, run["run"])
        shown = counts(check(rows, RULES))
        assert shown, "of so small a cohort some numbers may still be shown"
        for draw in range(3):
            assert counts(check([_with_other_fingerprint(row, draw) for row in rows], RULES)) == shown


def _with_other_fingerprint(row: ResultRow, draw: int) -> ResultRow:
    other = hashlib.sha256(f"{draw} {row.persons_ref}".encode()).hexdigest()
    return replace(row, persons_ref=f"print:{other}") if row.persons_ref.startswith("print:") else row


def test_variants_that_leave_one_after_the_other_are_held_against_each_other(
    house: House, runs: list[dict[str, Any]]
) -> None:
    base, grown = runs[2]["run"], runs[3]["run"]
    rows = {run: raw_rows(house, run) for run in (base, grown)}
    alone = {run: counts(check(found, RULES, key=key_of(found))) for run, found in rows.items()}
    assert apart(alone[base], alone[grown]), "each by itself may be shown, and together they tell"
    first = house.told("release", "submit", base, "--key", house.key("alice"))
    second = house.told("release", "submit", grown, "--key", house.key("alice"))
    assert (first["beside"], second["beside"]) == ([], [first["release"]])
    assert first["release"] in house.call("release", "review", second["release"], "--key", house.key("bob")).out
    shown = tables(house, grown, second["release"])
    assert counts(tables(house, base, first["release"])) == alone[base], "what came first knows of nothing"
    assert not apart(alone[base], counts(shown))
    for checker in ("bob", "carol"):
        back = ("release", "review", first["release"], "--key", house.key(checker), "--verdict", "changes")
        house.told(*back, "--public", "no")
    assert tables(house, grown, second["release"]) == shown, "it stays what was signed"
    again = house.told("release", "submit", base, "--key", house.key("alice"))
    assert again["beside"] == [first["release"], second["release"]], "what was sent back was seen"
    last = counts(tables(house, base, again["release"]))
    assert not apart(last, counts(shown))
    hidden = {place for place, n in counts_shown(shown).items() if n is None}
    assert hidden and set(last) <= set(alone[base]) - hidden, "neither shows what another hid"


def test_tables_that_are_no_longer_made_as_they_were_signed_hide_all_that_they_held(
    house: House, runs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a change of the rules: which of them were shown is not known."""
    submitted(house, runs)
    assert counts(unsubmitted(house, runs[3]["run"]).tables)
    monkeypatch.setattr("rempart.journeys.checked.table_ids", lambda tables: {})
    made = unsubmitted(house, runs[3]["run"])
    assert not counts(made.tables) and not made.unread


def test_a_release_that_cannot_be_opened_names_itself_or_blocks_nothing(
    house: House, runs: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = submitted(house, runs)
    error: RempartError = Unavailable("host-unreachable", host="h")

    def opened(document: bytes, *, run: str, **how: Any) -> tuple[ResultRow, ...]:
        if run == runs[2]["run"]:
            raise error
        return open_result(document, run=run, **how)

    monkeypatch.setattr("rempart.journeys.checked.open_result", opened)
    with pytest.raises(Unavailable) as caught:
        unsubmitted(house, runs[3]["run"])
    assert caught.value.code == "release-earlier-unread" and caught.value.facts["release"] in releases
    error = Missing("document-missing", document="d")
    made = unsubmitted(house, runs[3]["run"])
    assert made.unread == tuple(releases) and not counts(made.tables)


def submitted(house: House, runs: list[dict[str, Any]]) -> list[str]:
    """Releases of the study itself, submitted once at least."""
    place, base = desk(Warehouse(house.warehouse)), runs[2]["run"]
    permit = finished_run(events(place.vault.ledger), base).permit
    if not standing(place, permit=permit):
        house.told("release", "submit", base, "--key", house.key("alice"))
    return [one.release for one in standing(place, permit=permit) if one.finished.run == base]


def unsubmitted(house: House, run: str) -> Checked:
    """A run's tables as they would be submitted now."""
    place = desk(Warehouse(house.warehouse))
    return checked(place, finished_run(events(place.vault.ledger), run), actor="")


def tables(house: House, run: str, release: str) -> tuple[CheckedTable, ...]:
    """A submission's tables, as its checkers see them."""
    place = desk(Warehouse(house.warehouse))
    return checked_tables(place, finished_run(events(place.vault.ledger), run), actor="", release=release)


def counts(found: tuple[CheckedTable, ...]) -> Counts:
    return {place: n for place, n in counts_shown(found).items() if n is not None}


def apart(one: Counts, other: Counts) -> set[tuple[str, str, str, str]]:
    """Places that both show, 1 to 10 persons apart."""
    return {place for place, n in one.items() if place in other and 1 <= abs(other[place] - n) <= 10}
