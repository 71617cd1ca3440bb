# SPDX-License-Identifier: Apache-2.0
"""Facts of persons, row by row: net quantities, stays with their days and diagnoses, deaths."""

from collections import Counter

import duckdb

from truth.house import Planted
from truth.persons import people
from truth.scores import Score, same, told

AREA = "facts"
NET = {
    "drug": ("drug_exposure", "drug_exposure_start_date", "drug", "drug_source_vocabulary IN ('CIP13', 'CIP7')"),
    "hospital_drug": ("drug_exposure", "drug_exposure_start_date", "drug", "drug_source_vocabulary = 'UCD'"),
    "act": ("procedure_occurrence", "procedure_date", "procedure", "procedure_source_vocabulary = 'CCAM'"),
    "lab": ("measurement", "measurement_date", "measurement", "true"),
    "device": ("device_exposure", "device_exposure_start_date", "device", "true"),
}
FIELDS = ("mco", "ssr", "had", "rip", "ace")
_UCD = 7


def score_net(planted: Planted, connection: duckdb.DuckDBPyConnection) -> list[Score]:
    """Quantities by person, day and code, of claims: what hospitals write has a visit."""
    mine, rows = people(planted, connection), planted.rows("truth_net")
    scores: list[Score] = []
    for kind, (table, day, stem, where) in NET.items():
        expected: Counter[tuple[str, str, str]] = Counter()
        for row in rows:
            if row["kind"] == kind:
                expected[row["resolved"], row["day"], _code(kind, row["code"])] += int(row["quantity"])
        found: Counter[tuple[str, str, str]] = Counter()
        asked = (
            f"SELECT pseudonym, {day}::VARCHAR, {stem}_source_value, quantity FROM {table} "
            f"WHERE visit_occurrence_id IS NULL AND {where}"
        )
        for pseudonym, date, code, quantity in connection.execute(asked).fetchall():
            found[mine.get(pseudonym, pseudonym), date, _code(kind, code)] += round(quantity)
        total = sum(row["quantity"] for name, row in planted.truth["net"].items() if name == kind)
        scores.append(Score(area=AREA, name=f"net {kind}: quantity", expected=total, found=sum(found.values())))
        scores += same(AREA, f"net {kind}", dict(expected), dict(found))
    return scores


def _code(kind: str, code: str) -> str:
    return code[-_UCD:] if kind == "hospital_drug" else code


def score_stays(planted: Planted, connection: duckdb.DuckDBPyConnection) -> list[Score]:
    """Stays that meet no rule, by person, field, first and last day; then their principal diagnoses. Ambulatory psychiatry apart."""
    mine = people(planted, connection)
    kept = [row for row in planted.rows("truth_stays") if not row["rules"]]
    found = connection.execute(
        "SELECT v.pseudonym, lower(split_part(v.visit_source_value, ' ', 1)), v.visit_start_date::VARCHAR, v.visit_end_date::VARCHAR, "
        "coalesce(min(c.condition_source_value) FILTER (WHERE c.condition_status_source_value IN ('DP', 'FPP')), '') "
        "FROM visit_occurrence v LEFT JOIN condition_occurrence c USING (visit_occurrence_id) "
        "WHERE v.visit_source_value NOT LIKE 'DCIR%' "
        "AND NOT (v.visit_source_value LIKE 'RIP%' AND v.visit_concept_id = 9202) "
        "GROUP BY v.visit_occurrence_id, v.pseudonym, 2, 3, 4"
    ).fetchall()
    scores: list[Score] = []
    for field in FIELDS:
        expected = Counter((r["resolved"], r["entry"], r["exit"]) for r in kept if r["field"] == field)
        told_ = Counter((mine.get(p, p), entry, leaving) for p, f, entry, leaving, _ in found if f == field)
        scores += same(AREA, f"stays {field}", dict(expected), dict(told_))
        if field in {"mco", "had"}:
            wanted = Counter((r["resolved"], r["entry"], r["principal"]) for r in kept if r["field"] == field)
            coded = Counter((mine.get(p, p), entry, code) for p, f, entry, _, code in found if f == field)
            scores += same(AREA, f"principal diagnoses {field}", dict(wanted), dict(coded))
    return scores


def score_deaths(planted: Planted, connection: duckdb.DuckDBPyConnection) -> list[Score]:
    """Days of death of persons whom one number stands for and whose death any source tells."""
    mine = {number: pseudonym for pseudonym, number in people(planted, connection).items()}
    days = dict(connection.execute("SELECT pseudonym, death_date::VARCHAR FROM death").fetchall())
    expected: dict[object, object] = {}
    for row in planted.rows("truth_persons"):
        known = "1" in (row["death_in_register"], row["death_in_stay"], row["death_linked"])
        numbers = set(row["resolved"].split("|"))
        if row["death"] and known and len(numbers) == 1:
            (number,) = numbers
            if number in mine:
                expected[mine[number]] = row["death"]
    found = {person: day for person, day in days.items() if person in expected}
    more = len(days) - len(found)
    return [*same(AREA, "deaths", expected, found), told(AREA, "deaths of split persons or beyond", more)]


def _children(resolved: list[str]) -> list[str]:
    """What a link may name: the child; nobody in particular where the delivered keys make several persons of it."""
    return [*resolved, ""] if len({*resolved}) > 1 else resolved


def score_births(planted: Planted, connection: duckdb.DuckDBPyConnection) -> list[Score]:
    """Mother and child linked by their stays, where both keys were delivered and no rule sets the mother's stay aside."""
    defects, mine = planted.truth["defects"], people(planted, connection)
    persons = {row["person"]: row for row in planted.rows("truth_persons")}
    stays: dict[tuple[str, str], list[str]] = {}
    for stay in planted.rows("truth_stays"):
        if stay["field"] == "mco":
            stays.setdefault((stay["person"], stay["entry"]), []).append(stay["rules"])
    born = [row for row in persons.values() if row["mother"] and (row["person"], row["since"]) in stays]
    aside = sum(1 for row in born if all(stays.get((row["mother"], row["since"]), [""])))
    true = {
        (mother, child)
        for row in persons.values()
        if row["mother"]
        for mother in persons[row["mother"]]["resolved"].split("|")
        for child in _children(row["resolved"].split("|"))
    }
    pairs = connection.execute("SELECT pseudonym, child_person_id FROM mother_child").fetchall()
    wrong = sum(1 for mother, child in pairs if (mine.get(mother, ""), mine.get(child, "")) not in true)
    return [
        Score(
            area=AREA,
            name="mothers and children linked",
            expected=defects["births"] - defects["births_without_link"] - aside,
            found=len(pairs),
        ),
        Score(area=AREA, name="children linked to another mother", expected=0, found=wrong),
        told(AREA, "births whose mother's stay a rule sets aside", aside),
    ]
