# SPDX-License-Identifier: Apache-2.0
"""Matching gives what a naive look at every pair gives, in every order of rows, however they are cut; every control may serve."""

import datetime
import random
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.codes import Reads
from rempart.cohort.match_buckets import BACK as BACK_ROWS
from rempart.cohort.match_buckets import by_bucket, paired
from rempart.cohort.match_sql import BACK, DRAWS, match_rows_sql, matched_statements
from rempart.cohort.matching import PAIRS, ROWS, matched
from rempart.records.fields import Fields
from rempart.records.matching import EXACT, KINDS, ON, RISK_SET, Matching, read_matching
from rempart.records.protocol import CodeList
from tests.naive_matching import People, day, naive_matched, wrongs

FIRST = datetime.date(2015, 1, 1)
PACK = "3400933484132"
CODES = {"drug": CodeList(system="CIP13", include=(PACK,))}
ORDER = ("role", "match_set", "person", "shard", "start", "until", "controls")


def row(role: int, person: int, first: int, last: int, **more: Any) -> dict[str, Any]:
    """A row of ROWS."""
    plain = {
        "stratum": "=",
        "shard": person % 3,
        "draw": person * 7919 % 101,
        "age": 1950,
        "day": None,
        "until": last,
        "since": first,
    }
    return {"role": role, "person": person, "first": first, "last": last, **plain, **more}


@st.composite
def narrow(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Cases and candidates in few strata, with draws that tie, persons with several rows, days that hardly overlap."""
    persons = draw(st.integers(1, 14))
    draws = [draw(st.integers(0, 5)) for _ in range(persons)]
    rows, few = [], st.integers(0, 8)
    for _ in range(draw(st.integers(0, 25))):
        person, role, first = draw(st.integers(0, persons - 1)), draw(st.integers(0, 1)), draw(few)
        last = first if role == 0 else first + draw(few)
        own = draw(st.one_of(st.none(), few)) if role else None
        stratum = draw(st.sampled_from(["=a", "=b", ""]))
        more = {
            "draw": draws[person],
            "age": draw(st.integers(1950, 1954)),
            "until": last + draw(few),
            "since": draw(few),
        }
        rows.append(row(role, person, first, last, stratum=stratum, day=own, **more))
    seen = {
        (r["role"], r["person"], r["first"], r["last"] if r["role"] else 0, r["day"], r["stratum"] * r["role"]): r
        for r in rows
    }
    return list(seen.values())


def pairs(rows: list[dict[str, Any]], **rule: Any) -> list[tuple[Any, ...]]:
    """The engine's pairs, sorted."""
    found = matched(pa.Table.from_pylist(rows, schema=ROWS), **rule)
    assert found.schema.equals(PAIRS)
    return sorted(zip(*(found.column(name).to_pylist() for name in ORDER), strict=True))


RULES = st.fixed_dictionaries(
    {
        "ratio": st.integers(1, 4),
        "age_years": st.one_of(st.none(), st.integers(0, 2)),
        "replace": st.booleans(),
        "by_day": st.booleans(),
        "treated_apart": st.one_of(st.none(), st.integers(0, 3)),
    }
)


@settings(max_examples=150, deadline=None)
@given(rows=narrow(), rule=RULES, seed=st.randoms(use_true_random=False))
def test_the_pairs_are_the_naive_ones_in_every_order_of_arrival(
    rows: list[dict[str, Any]], rule: dict[str, Any], seed: random.Random
) -> None:
    wanted = naive_matched(rows, **rule)
    assert pairs(rows, **rule) == wanted
    seed.shuffle(rows)
    assert pairs(rows, **rule) == wanted


def test_many_candidates_of_one_draw_fall_by_their_ordinal() -> None:
    rows = [row(0, 1, 5, 5)] + [row(1, n, 0, 9, draw=7) for n in range(2, 60)]
    assert [p[2] for p in pairs(rows, ratio=3, age_years=None, replace=True) if p[0] == 1] == [2, 3, 4]
    assert pairs(rows, ratio=3, age_years=None, replace=False) == pairs(rows, ratio=3, age_years=None, replace=True)


def test_a_person_of_many_periods_takes_one_place_and_hides_nobody() -> None:
    rows = [row(0, 1, 5, 5)] + [row(1, n, 0, 9 + k, draw=n * 7919) for n in range(2, 7) for k in range(20)]
    for replace in (True, False):
        rule: dict[str, Any] = {"ratio": 4, "age_years": None, "replace": replace}
        assert pairs(rows, **rule) == naive_matched(rows, **rule)
        assert len({p[2] for p in pairs(rows, **rule) if p[0] == 1}) == 4


def test_a_person_who_leaves_changes_the_sets_that_held_the_person_and_no_other() -> None:
    rows = [row(0, n, 5, 5, draw=n * 104729) for n in range(200)] + [
        row(1, n, 0, 9, draw=n * 15485863) for n in range(1000, 1300)
    ]
    before = pairs(rows, ratio=3, age_years=None, replace=True)
    left = Counter(p[2] for p in before if p[0] == 1).most_common(1)[0][0]
    touched = {p[1] for p in before if p[2] == left}
    after = pairs([r for r in rows if r["person"] != left], ratio=3, age_years=None, replace=True)
    assert 0 < len(touched) < 20
    assert [p for p in after if p[1] not in touched] == [p for p in before if p[1] not in touched]


def test_every_candidate_is_as_likely_as_any_other() -> None:
    random_ = np.random.default_rng(5)
    draws = random_.integers(0, 1 << 62, 4200).tolist()
    rows = [row(0, n, 5, 5, draw=draws[n]) for n in range(4000)] + [
        row(1, n, 0, 9, draw=draws[n]) for n in range(4000, 4200)
    ]
    served = Counter(p[2] for p in pairs(rows, ratio=2, age_years=None, replace=True) if p[0] == 1)
    expected = 4000 * 2 / 200
    chi = sum((served[n] - expected) ** 2 / expected for n in range(4000, 4200))
    assert 120 < chi < 290  # 199 degrees of freedom: far outside 4.5 standard deviations would be no chance


@pytest.mark.parametrize("today", [1, 4, 7])
@pytest.mark.parametrize("replace", [True, False])
def test_who_serves_in_a_risk_set_depends_on_nothing_that_comes_after_it(today: int, replace: bool) -> None:
    """Without later cases, and with nobody at risk after that day, the sets up to it are the same, however short people are."""
    draw = np.random.default_rng(today)
    for _ in range(20):
        cases = [
            row(0, n, day, day, draw=int(draw.integers(1 << 62)))
            for n, day in enumerate(draw.integers(0, 9, 20).tolist())
        ]
        pool = [
            row(1, n, 0, int(draw.integers(0, 9)), draw=int(draw.integers(1 << 62)), since=0) for n in range(100, 140)
        ]
        now = [each for each in cases if each["first"] <= today] + [
            each | {"last": min(each["last"], today)} for each in pool
        ]
        sets = [
            [
                pair[:5]
                for pair in pairs(told, ratio=2, age_years=None, replace=replace, by_day=True)
                if pair[4] <= today
            ]
            for told in ([*cases, *pool], now)
        ]
        assert sets[0] == sets[1] != []


@st.composite
def populations(draw: st.DrawFn) -> People:
    """A few people with unknown sexes and births, moves, several periods."""
    people, days = People(), st.integers(0, 60).map(lambda n: FIRST + datetime.timedelta(days=n * 13))
    for person in range(1, draw(st.integers(2, 22))):
        people.sex[person] = draw(st.sampled_from([8507, 8507, 8532, 0, None]))
        people.born[person] = draw(st.sampled_from([1950, 1951, 1952, 1953, None]))
        moves = sorted({draw(days) for _ in range(draw(st.integers(0, 2)))})
        ends = [
            *(move - datetime.timedelta(days=1) for move in moves[1:]),
            draw(st.sampled_from([None, datetime.date(2016, 1, 1)])),
        ]
        homes = [(s, e, draw(st.sampled_from(["75", "13"]))) for s, e in zip(moves, ends, strict=True)] if moves else []
        people.homes[person] = [home for home in homes if home[1] is None or home[1] >= home[0]]
        people.drugs[person] = [draw(days) for _ in range(draw(st.integers(0, 6)))]
        for periods, share in ((people.cases, 2), (people.pool, 6)):
            if draw(st.integers(0, 9)) < share:
                starts = sorted({draw(days) for _ in range(draw(st.integers(1, 2)))})
                for start, stop in zip(starts, [*starts[1:], starts[-1] + datetime.timedelta(days=400)], strict=True):
                    periods.append(
                        (person, start, max(start, stop - datetime.timedelta(days=1 + draw(st.integers(0, 9)))))
                    )
    return people


@st.composite
def matchings(draw: st.DrawFn) -> Matching:
    """Any rule of the study file."""
    kind, on = draw(st.sampled_from(KINDS)), draw(st.lists(st.sampled_from(ON), unique=True))
    on = [name for name in on if name not in {"duration", "dispensings"} or kind == RISK_SET]
    on = [name for name in on if name != "duration" or "dispensings" not in on]
    match: dict[str, Any] = {"to": "cases", "from": "pool", "kind": kind, "ratio": draw(st.integers(1, 3)), "on": on}
    match |= {"age_years": draw(st.integers(0, 2))} if "age" in on else {}
    match |= {"calendar_days": draw(st.sampled_from([0, 30, 400]))} if "calendar" in on and kind == EXACT else {}
    match |= {"duration_days": draw(st.sampled_from([0, 13, 200]))} if "duration" in on else {}
    match |= {"dispensings_of": "drug", "dispensings_apart": draw(st.integers(0, 2))} if "dispensings" in on else {}
    match |= {"replace": draw(st.booleans())} if draw(st.booleans()) else {}
    rule = read_matching(Fields({"match": match}, file="study.toml"))
    assert read_matching(Fields(rule.as_dict(), file="study.toml")) == rule
    return rule


def shard_query(people: People, mine: set[int]) -> DuckDBQuery:
    """A shard's session as a worker has it."""
    query = DuckDBQuery(threads=1)
    whole, text = pa.int64(), pa.string()

    def register(name: str, rows: list[tuple[Any, ...]], columns: dict[str, pa.DataType]) -> None:
        kept = [r for r in rows if r[0] in mine]
        arrays = {
            c: pa.array([r[i] for r in kept], t) for i, (c, t) in enumerate({"person_id": whole, **columns}.items())
        }
        query.register(name, pa.table(arrays))

    dates = {"start_date": pa.date32(), "end_date": pa.date32()}
    register(
        "person",
        [(p, people.sex[p], people.born[p]) for p in people.sex],
        {"gender_concept_id": whole, "year_of_birth": pa.int32()},
    )
    register(DRAWS, [(p, p * 7919 % 13) for p in people.sex], {"draw": whole})
    register("cohort_cases", list(people.cases), dates)
    register("cohort_pool", list(people.pool), dates)
    homes = [(p, s, e, place) for p, found in people.homes.items() for s, e, place in found]
    spell = {
        "location_history_start_date": pa.date32(),
        "location_history_end_date": pa.date32(),
        "department_source_value": text,
    }
    register("location_history", homes, spell)
    given_on = [(p, each, PACK) for p, found in people.drugs.items() for each in found]
    given_on += [(p, each, "3400000000000") for p, found in people.drugs.items() for each in found[:1]]
    record = {"drug_exposure_start_date": pa.date32(), "drug_source_value": text}
    register("drug_exposure", given_on, record)
    return query


def across(
    people: People, rule: Matching, *, shards: int, buckets: int
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], pa.Table]:
    """Controls (person, index day, set), matched cases and the rows that came back: out of shards, into buckets, back."""
    waiting: list[list[pa.Table]] = [[] for _ in range(buckets)]
    queries = [shard_query(people, {p for p in people.sex if p % shards == shard}) for shard in range(shards)]
    try:
        for shard, query in enumerate(queries):
            rows = query.table(match_rows_sql("controls", rule, Reads(), CODES))
            rows = rows.append_column("shard", pa.array([shard] * rows.num_rows, pa.int32()))
            for bucket, piece in enumerate(by_bucket(rows, buckets)):
                waiting[bucket].append(piece)
        back = pa.concat_tables([paired(pa.concat_tables(pieces), {"controls": rule}) for pieces in waiting])
        assert back.schema.equals(BACK_ROWS)
        controls: list[tuple[Any, ...]] = []
        cases: list[tuple[Any, ...]] = []
        for shard, query in enumerate(queries):
            mine = back.filter(pc.equal(back.column("shard"), shard))
            query.register(BACK, mine)
            for statement in matched_statements("controls", rule):
                query.execute(statement)
            for name, into in (("cohort_controls", controls), ("cohort_controls_cases", cases)):
                into += [tuple(r.values()) for r in query.table(f"SELECT * FROM {name}").to_pylist()]
    finally:
        for query in queries:
            query.close()
    return sorted(controls), sorted(cases), back


@settings(max_examples=40, deadline=None)
@given(people=populations(), rule=matchings())
def test_every_control_may_serve_nobody_free_is_left_out_and_no_cut_changes_a_set(
    people: People, rule: Matching
) -> None:
    controls, cases, back = across(people, rule, shards=1, buckets=1)
    sets = {(p << 16) | ((s - day(-25_567)).days % 65_536): (p, s, e) for p, s, e in people.cases}
    assert not wrongs(people, rule, [(p, start, number) for p, start, _, number in controls], sets)
    assert len(back.filter(pc.equal(back.column("role"), 0))) == len({(p, s) for p, s, _ in people.cases})
    assert {number for *_, number in cases} == {number for *_, number in controls}
    for shards, buckets in ((3, 1), (2, 5)):
        assert across(people, rule, shards=shards, buckets=buckets)[:2] == (controls, cases)


def test_a_control_ends_no_later_than_the_day_before_it_is_a_case() -> None:
    people, rule = (
        People(),
        read_matching(
            Fields({"match": {"to": "cases", "from": "pool", "kind": RISK_SET, "ratio": 2, "on": []}}, file="f")
        ),
    )
    people.sex |= dict.fromkeys(range(1, 4))
    people.born |= dict.fromkeys(range(1, 4))
    a, b, end = FIRST, FIRST + datetime.timedelta(days=100), FIRST + datetime.timedelta(days=300)
    people.cases += [(1, a, end), (2, b, end)]
    people.pool += [(p, a, end) for p in (1, 2, 3)]
    controls, cases, _ = across(people, rule, shards=2, buckets=2)
    ends = {(person, start): until for person, start, until, _ in controls}
    assert ends == {(2, a): b - datetime.timedelta(days=1), (3, a): end, (3, b): end}
    assert len(cases) == 2


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"age_years": 1}, "cohorts.x.match.age_years"),
        ({"calendar_days": 9}, "cohorts.x.match.calendar_days"),
        ({"on": ["height"]}, "cohorts.x.match.on"),
        ({"from": "cases"}, "cohorts.x.match.from"),
        ({"ratio": 0}, "cohorts.x.match.ratio"),
        ({"kind": "nearest"}, "cohorts.x.match.kind"),
        ({"duration_days": 9}, "cohorts.x.match.duration_days"),
        ({"on": ["duration"]}, "cohorts.x.match.on"),
        ({"on": ["dispensings"], "dispensings_of": "drug"}, "cohorts.x.match.on"),
        ({"dispensings_of": "drug"}, "cohorts.x.match.dispensings_of"),
        ({"dispensings_apart": 1}, "cohorts.x.match.dispensings_apart"),
        ({"kind": RISK_SET, "on": ["dispensings"]}, "cohorts.x.match.dispensings_of"),
        ({"kind": RISK_SET, "on": ["dispensings", "duration"], "dispensings_of": "drug"}, "cohorts.x.match.on"),
        ({"kind": RISK_SET, "on": ["calendar"], "calendar_days": 9}, "cohorts.x.match.calendar_days"),
    ],
)
def test_a_matching_that_says_nothing_is_refused_by_its_field(more: dict[str, Any], field: str) -> None:
    from rempart.errors import BadInput

    match = {"to": "cases", "from": "pool", "kind": EXACT, "ratio": 1, "on": ["sex"], **more}
    with pytest.raises(BadInput) as raised:
        read_matching(Fields({"match": match}, file="study.toml", path="cohorts.x"))
    assert str(raised.value.facts["field"]).startswith(field)
