# SPDX-License-Identifier: Apache-2.0
"""Persistence: a stop is one that could be seen. Windows and grace by hand; cohorts that end with the drug in every way, as in a worker."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.codes import Reads
from rempart.cohort.describe_exposure import exposure_periods
from rempart.cohort.match_sql import BACK
from rempart.cohort.parts import study_parts
from rempart.journeys.shard_evidence import computed
from rempart.records.cohort_text import definition_text
from rempart.records.describing import CohortAnalysis
from rempart.records.exposure_uses import leaves_with
from rempart.records.study import Study, study_from_dict
from rempart.study.describe_cells import Describing
from rempart.study.describe_exposure import exposure_periods as written
from rempart.study.evidence import Evidence, compute
from rempart.study.rows import Output
from rempart.study.tallies import tallies_of
from tests import exposure_histories as house
from tests.atlas_house import entry, read
from tests.exposure_histories import OTHER, Stay
from tests.spec.exposure_cases import on
from tests.spec.test_atlas_rows import drug

Counts = dict[tuple[str, str], int]  # days, stopped → persons


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all tests."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def persistence(evidence: Evidence) -> Counts:
    """Persons by days on the drug and whether they stopped."""
    cells = tallies_of(evidence["tallies"], "use", "persistence/target")
    return {(cell.key["days"].lstrip("0") or "0", cell.key["stopped"]): cell.persons for cell in cells}


def in_window(
    query: DuckDBQuery, history: house.History, keys: dict[str, Any], *, end: int = 100, days: int = 0, until: int = 0
) -> Counts:
    """Of one person who is in a cohort from day 1 to ``end``, whatever becomes of the drug."""
    house.made(query, keys, {1: history})
    first, last = ([house.date(day)] for day in (1, end))
    rows = {"person_id": [1], "start_date": pa.array(first, pa.date32()), "end_date": pa.array(last, pa.date32())}
    query.register("cohort_main", pa.table(rows))
    analysis = CohortAnalysis(id="use", type="exposure_periods", cohorts=("main",), exposures=("target",), days=days)
    known = f"DATE '{house.date(until)}'" if until else ""
    return persistence(compute(query, [], [exposure_periods(house.study(keys), analysis, Reads(), known)]))


GRACE = {"grace_days": 30}


@pytest.mark.parametrize(
    ("why", "drugs", "stays", "keys", "window", "expected"),
    [
        ("the grace is over on the last day of the window", on(1), (), GRACE, {"end": 59}, ("28", "1")),
        ("it is not, and nobody has stopped", on(1), (), GRACE, {"end": 58}, ("28", "0")),
        ("who is followed so shortly is lost before", on(1), (), GRACE, {"end": 40}, ("10", "0")),
        ("the window of the analysis", on(1), (), GRACE, {"days": 58}, ("28", "0")),
        ("usable days", on(1), (), GRACE, {"until": 58}, ("28", "0")),
        ("who goes on is followed as far as a stop could be seen", on(1, 29, 57), (), GRACE, {"end": 80}, ("50", "0")),
        ("without grace to the window's end", on(1, 29, 57), (), {}, {"end": 80}, ("80", "0")),
        ("a window shorter than the grace tells nothing", on(1), (), GRACE, {"end": 20}, ("0", "0")),
        (
            "the other drug tells at once",
            (*on(1), *on(35, code=OTHER)),
            (),
            {**GRACE, "switch_to": "comparator"},
            {"end": 60},
            ("28", "1"),
        ),
        (
            "but not after the last day of which other stops could be seen",
            (*on(1), *on(35, code=OTHER)),
            (),
            {**GRACE, "switch_to": "comparator"},
            {"end": 50},
            ("20", "0"),
        ),
        (
            "nights that extend are no days of the grace",
            on(1),
            (Stay(first=40, last=50),),
            {**GRACE, "hospital_days": "extend"},
            {"end": 68},
            ("28", "0"),
        ),
        (
            "ten days later it is over",
            on(1),
            (Stay(first=40, last=50),),
            {**GRACE, "hospital_days": "extend"},
            {"end": 69},
            ("28", "1"),
        ),
        (
            "an admission that censors comes before the grace is over",
            on(1),
            (Stay(first=50, last=60),),
            {**GRACE, "hospital_days": "censor"},
            {},
            ("19", "0"),
        ),
        (
            "it comes after",
            on(1),
            (Stay(first=60, last=70),),
            {**GRACE, "hospital_days": "censor"},
            {},
            ("28", "1"),
        ),
        ("a lag goes by with the grace", on(1), (), {**GRACE, "lag_days": 10}, {"end": 59}, ("38", "1")),
        ("and no sooner", on(1), (), {**GRACE, "lag_days": 10}, {"end": 58}, ("38", "0")),
        ("a lag longer than the grace", on(1), (), {"lag_days": 10}, {"end": 38}, ("38", "0")),
        ("is itself what must go by", on(1), (), {"lag_days": 10}, {"end": 39}, ("38", "1")),
    ],
)
def test_a_stop_is_one_that_could_be_seen(
    query: DuckDBQuery,
    why: str,
    drugs: tuple[house.Dispensing, ...],
    stays: tuple[Stay, ...],
    keys: dict[str, Any],
    window: dict[str, int],
    expected: tuple[str, str],
) -> None:
    assert in_window(query, (drugs, stays), keys, **window) == {expected: 1}, why


USERS: dict[str, Any] = {
    "entry": {"any": [{"domain": "drug", "codes": "drug"}], "limit": "first"},
    "exit": {"exposure": "target", "grace_days": 10},
}
SWITCH = {**GRACE, "switch_to": "comparator"}
DRUGS = {"target": {"domain": "drug", "codes": "drug"}, "comparator": {"domain": "drug", "codes": "other"}}


def asking(cohorts: Mapping[str, Any], keys: dict[str, Any], *, cohort: str = "users", **more: Any) -> Study:
    """A study that describes the periods of one cohort."""
    inputs = {"cohort": cohort, "exposures": ["target"]}
    analysis = {"id": "use", "type": "exposure_periods", "design": "cohort", "inputs": inputs, **more}
    return house.study(keys, {"cohorts": cohorts, "analyses": [analysis]})


def worked(
    query: DuckDBQuery,
    study: Study,
    people: Mapping[int, house.History],
    until: int = 0,
    *,
    cut: int = 1500,
    observed: int = house.OBSERVED,
) -> Evidence:
    """The evidence of a worker; claims can be used ``until`` a day, data end with the day ``cut``, observation with ``observed``."""
    house.register(query, people, observed=observed)
    usable = [("dcir", "", house.date(until))] if until else []
    query.register(
        "usable_interval", pa.table(dict(zip(("source", "scheme", "last_day"), _columns(usable), strict=True)))
    )
    query.register("person", pa.table({"person_id": pa.array(list(people), pa.int64())}))
    query.register("death", pa.table({"person_id": pa.array([], pa.int64()), "death_month": pa.array([], pa.date32())}))
    return computed(query, study_parts(study, cut=house.date(cut)))


def _columns(rows: list[tuple[Any, ...]]) -> list[pa.Array]:
    kinds = (pa.string(), pa.string(), pa.date32())
    return [pa.array([row[at] for row in rows], kind) for at, kind in enumerate(kinds)]


@pytest.mark.parametrize(
    ("why", "drugs", "exit_days", "until", "expected", "switched"),
    [
        ("the cohort ends with the grace: who leaves so has stopped", on(1), None, 0, ("28", "1"), 0),
        ("the cohort ends in the grace by its days", on(1), 40, 0, ("11", "0"), 0),
        ("what can be used ends in it", on(1), None, 41, ("11", "0"), 0),
        ("on its last day: the day after cannot be seen", on(1), None, 58, ("28", "0"), 0),
        ("a switch in the grace", (*on(1), *on(40, code=OTHER)), None, 0, ("28", "1"), 1),
        ("a switch while covered", (*on(1), *on(20, code=OTHER)), None, 0, ("19", "1"), 1),
        ("a switch after what can be used", (*on(1), *on(40, code=OTHER)), None, 39, ("9", "0"), 0),
        ("a switch long after", (*on(1), *on(90, code=OTHER)), None, 0, ("28", "1"), 0),
        ("a switch as the last stop that can be seen", (*on(1), *on(29, code=OTHER)), None, 58, ("28", "1"), 1),
        ("a day later all are lost before it", (*on(1), *on(29, code=OTHER)), None, 57, ("27", "0"), 1),
        ("by the days of the exit too", (*on(1), *on(29, code=OTHER)), 57, 0, ("28", "1"), 1),
        ("which end a day sooner", (*on(1), *on(29, code=OTHER)), 56, 0, ("27", "0"), 1),
    ],
)
def test_a_cohort_that_leaves_with_the_drug(
    query: DuckDBQuery,
    why: str,
    drugs: tuple[house.Dispensing, ...],
    exit_days: int | None,
    until: int,
    expected: tuple[str, str],
    switched: int,
) -> None:
    users = {**USERS, "exit": {**USERS["exit"], **({"days": exit_days} if exit_days else {})}}
    found = worked(query, asking({"users": users}, SWITCH), {1: (drugs, ())}, until)
    assert persistence(found) == {expected: 1}, why
    cells = tallies_of(found["tallies"], "use", "switch/target")
    assert sum(cell.persons for cell in cells if cell.key["switched"] == "yes") == switched, why


@pytest.mark.parametrize("ends", ["days", "sources", "data", "observation", "exit"])
def test_who_leaves_by_a_switch_is_followed_no_longer_than_who_goes_on(query: DuckDBQuery, ends: str) -> None:
    """Ten go on for two years; of five who switch, those who do in the last days of which no other stop could be seen are lost before, as
    everybody is: persistence is the same as in a cohort that the drug does not end."""
    goes_on = on(*range(1, 700, 28))
    people: dict[int, house.History] = dict.fromkeys(range(10), (goes_on, ()))
    for number, day in enumerate((300, 335, 336, 350, 364), 10):
        people[number] = ((*on(*range(1, day, 28)), *on(day, code=OTHER)), ())
    exits = {"days": 364} if ends == "exit" else {}
    cohorts = {
        "users": {**USERS, "exit": {**USERS["exit"], **exits}},
        "all_of_them": {**OBSERVED, **({"exit": exits} if exits else {})},
    }
    parameters = {"parameters": {"days": 365}} if ends == "days" else {}
    found = []
    for cohort in cohorts:
        study = asking(cohorts, SWITCH, cohort=cohort, **parameters)
        house.register(query, people)
        until, cut = (365 if ends == "sources" else 0), (365 if ends == "data" else 1500)
        observed = 365 if ends == "observation" else house.OBSERVED
        found.append(persistence(worked(query, study, people, until, cut=cut, observed=observed)))
    assert found[0] == found[1]
    assert found[1] == {("299", "1"): 1, ("334", "1"): 1, ("335", "1"): 1, ("335", "0"): 12}


MATCH = {"kind": "risk-set", "ratio": 1, "on": []}
STOPS = {1: (on(1), ()), 2: (on(1, 29), ())}
OBSERVED = {"entry": USERS["entry"]}
SETS = {
    "any": {"of": {"union": ["users", "all_of_them"]}},
    "both": {"of": {"intersection": ["users", "all_of_them"]}},
    "less": {"of": {"difference": ["users", "none"]}},
}


def test_a_set_of_cohorts_that_leave_with_the_drug(query: DuckDBQuery) -> None:
    none = {"entry": {"any": [{"domain": "drug", "codes": "other"}], "limit": "first"}}
    cohorts = {"users": USERS, "all_of_them": OBSERVED, "none": none, **SETS}
    for name in SETS:
        found = worked(query, asking(cohorts, GRACE, cohort=name), STOPS)
        assert persistence(found) == {("28", "1"): 1, ("56", "1"): 1}, name
        assert leaves_with(asking(cohorts, GRACE, cohort=name), name, "target")
    assert not leaves_with(asking(cohorts, GRACE), "all_of_them", "target")


@pytest.mark.parametrize("cohort", ["drawn", "drawn_cases"])
def test_matched_cohorts_end_as_those_that_they_are_drawn_from(query: DuckDBQuery, cohort: str) -> None:
    """Controls have the ends of the pool, cases those of the cohort matched to."""
    ends = ("to", "from") if cohort == "drawn_cases" else ("from", "to")
    match = {**MATCH, **dict(zip(ends, ("users", "all_of_them"), strict=True))}
    study = asking({"users": USERS, "all_of_them": OBSERVED, "drawn": {"match": match}}, GRACE, cohort=cohort)
    start = (house.date(1) - house.date(1).replace(year=1970, month=1, day=1)).days
    rows = [
        ("drawn", 0 if cohort == "drawn_cases" else 1, who, start, start + last - 1, who, 1)
        for who, last in ((1, 58), (2, 86))
    ]
    names = ("cohort", "role", "person", "start", "until", "match_set", "controls")
    columns = {name: pa.array([row[at] for row in rows]) for at, name in enumerate(names)}
    query.register(BACK, pa.table({**columns, **{day: columns[day].cast(pa.int32()) for day in ("start", "until")}}))
    assert persistence(worked(query, study, STOPS)) == {("28", "1"): 1, ("56", "1"): 1}


CUSTOM_ERA = {"CustomEra": {"DrugCodesetId": 7, "GapDays": 0, "Offset": 0}}


@pytest.mark.parametrize("asked", ["drawn_in_atlas", "either", "drawn", "drawn_cases"])
def test_a_cohort_that_ends_by_an_era_of_atlas_has_no_persistence(asked: str) -> None:
    atlas = definition_text(read(entry(drug(7), EndStrategy=CUSTOM_ERA)))
    ends = (
        {"to": "drawn_in_atlas", "from": "all_of_them"}
        if asked == "drawn_cases"
        else {"to": "all_of_them", "from": "drawn_in_atlas"}
    )
    cohorts = {
        "drawn_in_atlas": {"atlas": atlas},
        "all_of_them": OBSERVED,
        "either": {"of": {"union": ["all_of_them", "drawn_in_atlas"]}},
        "drawn": {"match": {**MATCH, "kind": "exact", **ends}},
    }
    assert not has_persistence(asking(cohorts, GRACE, cohort=asked))
    assert has_persistence(asking(cohorts, GRACE, cohort="all_of_them"))


def parts_of(study: Study) -> set[str]:
    """What is counted of the periods."""
    plan = exposure_periods(study, study.descriptions[0], Reads())
    (exposure,) = study.descriptions[0].exposures
    return {part.partition("/")[0] for part in plan.selects if part.endswith(f"/{exposure}")}


def has_persistence(study: Study) -> bool:
    """Whether persistence is counted; whatever else is, always."""
    found = parts_of(study)
    assert found >= {"rules", "cover", "dose", "waits"}
    return "persistence" in found


CODES: Mapping[str, dict[str, Any]] = {
    "pack": {"system": "CIP13", "include": ["3400935563248"]},
    "other_pack": {"system": "CIP13", "include": ["3400926910891"]},
    "substance": {"system": "ATC", "include": ["A10BG03"]},
    "class": {"system": "ATC", "include": ["A10BG"]},
    "class_without_it": {"system": "ATC", "include": ["A10BG"], "exclude": ["A10BG03"]},
    "class_alone": {"system": "ATC", "include": ["A10BG"], "descendants": False},
    "other_class": {"system": "ATC", "include": ["A10BB"]},
    "concept": {"system": "OMOP", "include": ["1525215"]},
}


@pytest.mark.parametrize(
    ("ends_with", "described", "seen"),
    [
        ("pack", "pack", False),
        ("pack", "other_pack", True),
        ("substance", "class", False),
        ("class", "substance", False),
        ("substance", "class_without_it", True),
        ("class_without_it", "substance", True),
        ("substance", "class_alone", True),
        ("substance", "other_class", True),
        ("pack", "substance", False),  # of two systems it cannot be told
        ("concept", "other_pack", False),
    ],
)
def test_nobody_is_seen_to_stop_a_drug_that_ends_the_cohort_under_another_name(
    ends_with: str, described: str, seen: bool
) -> None:
    rules = {"domain": "drug", "supply": [{"rule": "fixed", "days": 30}]}
    exposures = {"ending": {**rules, "codes": ends_with}, "target": {**rules, "codes": described, "grace_days": 60}}
    users = {"entry": {"any": [{"domain": "drug", "codes": ends_with}]}, "exit": {"exposure": "ending"}}
    analysis = {"id": "use", "type": "exposure_periods", "design": "cohort", "inputs": {"exposures": ["target"]}}
    more = {"cohorts": {"users": users}, "exposures": exposures, "analyses": [analysis], "codes": CODES}
    assert has_persistence(house.study({}, {**more, "outcomes": {}})) == seen


def test_another_exposure_of_the_drug_that_ends_the_cohort_has_no_persistence() -> None:
    rules = {"supply": [{"rule": "fixed", "days": 30}]}
    strict = {**DRUGS["target"], **rules}
    exposures = {  # the same drug with a longer grace, as in a sensitivity analysis
        "target": {**strict, "grace_days": 60},
        "strict": strict,
        "comparator": {**DRUGS["comparator"], **rules},
    }
    users = {**USERS, "exit": {"exposure": "strict"}}

    def described(exposure: str) -> Study:
        inputs = {"cohort": "users", "exposures": [exposure]}
        analysis = {"id": "use", "type": "exposure_periods", "design": "cohort", "inputs": inputs}
        return house.study({}, {"cohorts": {"users": users}, "exposures": exposures, "analyses": [analysis]})

    assert not has_persistence(described("target"))
    assert has_persistence(described("strict"))
    assert has_persistence(described("comparator"))


def test_the_curve_goes_on_to_the_end_as_designed_and_tells_nobody_s_days(query: DuckDBQuery) -> None:
    keys: dict[str, Any] = {}
    people = {number: (on(*range(1, 1 + 28 * number, 28)), ()) for number in (1, 2, 3)}
    month = {"period": [house.date(1), house.date(31)]}  # of entry: the curve goes on
    for parameters, protocol, last in (
        ({"days": 365, "grid_days": 1}, {}, 365),
        ({"grid_days": 1}, {}, 1999),
        ({"grid_days": 1}, month, 1499),
        ({"grid_days": 1}, {**month, "follow_up_days": 700}, 700),
    ):
        body = asking({"users": OBSERVED}, keys, parameters=parameters).as_dict()
        study = study_from_dict({**body, "protocol": {**body["protocol"], **protocol}})
        for some in (people, {1: people[1]}):
            tallies = worked(query, study, some)["tallies"]
            output = Output(run="r", name="exposure", kind="frequency")
            written(output, Describing(study=study, analysis=study.descriptions[0], tallies=tallies, standards={}))
            days = {row.row_key["day"] for row in output.rows if row.output == "exposure_persistence"}
            assert days == {f"{day:05d}" for day in range(last + 1)}
