# SPDX-License-Identifier: Apache-2.0
"""The sets of persons behind a result are those persons, however they lie in shards; close sets are found as by brute force."""

import hashlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.parts import columns_of, study_parts
from rempart.cohort.tally_sql import with_members
from rempart.disclosure.families import left_over, sums_of_three
from rempart.disclosure.near import candidates, once, together
from rempart.errors import NotTrusted
from rempart.journeys.sets_step import ShardSets, decoded, encoded, members_of
from rempart.records.person_sets import (
    BLOCKS,
    Numbers,
    PersonSets,
    Sketches,
    difference,
    packed,
    sketch,
    sketch_keys,
    unpacked,
    words_of,
)
from rempart.study.set_unions import name_of, unions
from tests.people_in_atoms import whole_language
from tests.properties.study_histories import CUT, Person, Rules, day, intervals, tables
from tests.properties.test_arm_sets import asked, members, printed
from tests.properties.test_study_oracle import persons, rules

SECRET = b"s" * 32
QUICK = settings(max_examples=12, deadline=None)


@pytest.fixture(scope="module")
def query() -> Iterator[DuckDBQuery]:
    """One session for all examples."""
    session = DuckDBQuery(threads=1, memory_limit="512MB")
    yield session
    session.close()


def shared(number: int) -> int:
    """A person's number in the index that projects share."""
    return int.from_bytes(hashlib.sha256(b"%d" % number).digest()[:7], "big")


def shard(query: DuckDBQuery, people: dict[int, Person], how: Rules) -> ShardSets:
    """What a worker tells of a shard that holds these."""
    parts = study_parts(asked(how), cut=day(CUT))
    read = columns_of(parts)
    for name, table in tables(people).items():
        query.register(name, table.select(["person_id", *sorted(read.get(name, ()))]))
    query.register("usable_interval", intervals(how))
    numbers = list(people)
    index = {"person_id": pa.array(numbers, pa.int64()), "release_index": pa.array(map(shared, numbers), pa.int64())}
    query.register("person_release_index", pa.table(index))
    return decoded(encoded(query, parts))


@QUICK
@given(st.lists(persons(), min_size=5, max_size=25), rules(), st.sampled_from([1, 2, 3]))
def test_the_sets_of_a_study_are_the_persons_whom_it_counts(
    query: DuckDBQuery, people: list[Person], how: Rules, shards: int
) -> None:
    numbered = dict(enumerate(people))
    split = [{n: one for n, one in numbered.items() if n % shards == place} for place in range(shards)]
    found = [shard(query, mine, how) for mine in split if mine]
    cells: dict[tuple[str, str, str], tuple[int, int]] = {}
    for one in found:
        for cell, (prints, _) in one.cells.items():
            old = cells.get(cell, (0, 0))
            cells[cell] = (old[0] + prints[0], old[1] + prints[1])
    told = members(numbered, how)
    last = max((one[1] for one in told.values()), default=0)
    for arm in ("all", "target", "comparator"):
        for step in range(1, last + 1):
            truth = {n for n, one in told.items() if one[1] >= step and arm in ("all", one[0])}
            if truth:
                name = printed(truth).removeprefix("print:")
                who = members_of(found, unions(cells, [name])[name][0])
                assert sorted(map(shared, truth)) == who.tolist()


def test_sets_of_other_persons_than_a_result_names_are_not_believed() -> None:
    with pytest.raises(NotTrusted, match="fingerprint-differs"):
        unions({("a", "persons", "{}"): (1, 2)}, [name_of([(1, 3)])])


def test_every_tally_of_the_whole_language_tells_its_members_and_its_digest_stays() -> None:
    parts = study_parts(whole_language(), cut=day(CUT))
    selects = [
        (part.name, name, sql) for part in parts for name, sql in part.plan.selects.items() if "AS print_a" in sql
    ]
    assert len(selects) >= 80
    assert [item[:2] for item in selects if "members, CAST(CASE" not in with_members(item[2])] == []
    assert not [
        item for item in selects if "members" in item[2].replace("study_members", "").replace("describe_members", "")
    ]


@given(st.sets(st.integers(0, 2**63 - 1), max_size=60), st.sets(st.integers(0, 2**63 - 1), max_size=60))
def test_sketches_of_sets_that_share_nobody_add_up(one: set[int], other: set[int]) -> None:
    other -= one
    keys = sketch_keys(SECRET)

    def of(numbers: set[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
        return sketch(words_of(np.array(sorted(numbers), dtype=np.int64), keys))

    assert np.array_equal(of(one) + of(other), of(one | other))
    assert sorted(unpacked(packed(np.arange(len(one))))) == list(range(len(one)))


def test_the_sketch_of_known_persons_is_what_it_was() -> None:
    """A register that was written once is read for ever."""
    found = sketch(words_of(np.array([1, 2, 2**62 + 5], dtype=np.int64), sketch_keys(SECRET)))
    assert hashlib.sha256(found.astype("<u8").tobytes()).hexdigest() == VECTOR


VECTOR = "def932778d67cfe81cf10970c360ce363ba6c05f8ce38a110405a21d2b925ddc"


def sets_of(universe: int, sets: Sequence[set[int]]) -> PersonSets:
    """Sets of the first ``universe`` persons."""
    index = np.array(sorted(shared(number) for number in range(universe)), dtype=np.int64)
    places = [np.searchsorted(index, sorted(map(shared, one))) for one in sets]
    return PersonSets(index=index, sets={f"{at:03d}": packed(place) for at, place in enumerate(places)})


@pytest.mark.parametrize("least", [2, 5, 11, 31, 32])
@pytest.mark.parametrize("seed", range(3))
def test_close_sets_are_those_that_brute_force_finds(least: int, seed: int) -> None:
    draw = random.Random(seed)
    base = [set(draw.sample(range(300), draw.randint(0, 200))) for _ in range(12)]
    moved = [one ^ set(draw.sample(range(300), draw.randint(0, 2 * least))) for one in base for _ in range(3)]
    old, new = sets_of(300, base + moved[::2]), sets_of(300, moved[1::2] + base[:4])
    mine = new.sketches(sorted(new.sets), SECRET)
    others = together([old.sketches([name], SECRET) for name in sorted(old.sets)])
    found = {
        mine.names[at]
        for at, places in candidates(mine, others, persons=least).items()
        if any(difference(new.persons(mine.names[at]), old.persons(others.names[p])) < least for p in places)
    }
    raw = {
        name: [len(set(new.persons(name).tolist()) ^ set(old.persons(o).tolist())) for o in old.sets]
        for name in new.sets
    }
    assert found == {name for name, apart in raw.items() if min(apart) > 0 and min(apart) < least}
    assert least <= BLOCKS


@pytest.mark.parametrize("least", [2, 5, 11])
@pytest.mark.parametrize("seed", range(4))
def test_sums_of_three_are_those_that_brute_force_finds(least: int, seed: int) -> None:
    """Thirty persons to some hundred: every set against every pair of others."""
    draw = random.Random(seed)
    universe = draw.choice([30, 120])
    sets: list[set[int]] = [set(draw.sample(range(universe), draw.randint(3, universe // 2))) for _ in range(9)]
    for _ in range(4):
        one, other = draw.sample(sets, 2)
        sets.append((one | other) ^ set(draw.sample(range(universe), draw.randint(0, least))))
        sets.append(set(draw.sample(sorted(one), max(1, len(one) - draw.randint(1, 2 * least)))) - other)
    found = sets_of(universe, sets)
    names, new = sorted(found.sets), draw.randint(1, 6)
    family, kept = once([found.sketches(names, SECRET)])
    places = [tuple(found.persons(name).tolist()) for name in family.names]
    assert len(set(places)) == len(places) and len(kept) == len(places)
    told = {
        (whole, one, other)
        for whole, one, other in sums_of_three(family, new=new, persons=least)
        if left_over(*_of(found, family, (whole, one, other))) < least
    }
    truth = set()
    for whole, one, other in itertools.product(range(len(places)), repeat=3):
        if one < other and len({whole, one, other}) == 3 and min(whole, one, other) < new <= max(whole, other):
            counts = Counter(places[whole])
            counts.subtract(Counter(places[one]) + Counter(places[other]))
            if 1 <= sum(1 for n in counts.values() if n) < least:
                truth.add((whole, one, other))
    assert told == truth


def _of(found: PersonSets, family: Sketches, three: tuple[int, int, int]) -> tuple[Numbers, list[Numbers]]:
    whole, *parts = (found.persons(family.names[at]) for at in three)
    return whole, parts


def test_pathways_that_were_folded_or_joined_are_found_again() -> None:
    """a alone, what a led to for few, all of a, and two rare first steps told together."""
    paths = {"a": 40, "a → b": 30, "a → b → c": 2, "a → c": 3, "b": 4, "c → a": 5}
    draw = random.Random(3)
    cells = {("p", "paths", json.dumps({"path": path})): (draw.getrandbits(63), draw.getrandbits(63)) for path in paths}

    def of(*chosen: str) -> tuple[str, frozenset[str]]:
        mine = [cell for cell in cells if json.loads(cell[2])["path"] in chosen]
        return name_of([cells[cell] for cell in mine]), frozenset(chosen)

    asked = [
        of("a"),
        of("a → b"),
        of("a → b → c", "a → c"),
        of("a", "a → b", "a → b → c", "a → c"),
        of("b", "c → a"),
        of(*paths),
    ]
    found = unions(cells, [name for name, _ in asked])
    told = {name: frozenset(json.loads(cell[2])["path"] for cell in chosen) for name, (chosen, _) in found.items()}
    assert told == dict(asked)


def test_whoever_is_left_of_a_part_is_found_again() -> None:
    """Those who never switched: everybody less those of another part."""
    whole, one, other = (
        ("a", "persons", "{}"),
        ("a", "switched/x", '{"switched":"y"}'),
        ("a", "switched/x", '{"switched":"z"}'),
    )
    cells = {whole: (90, 80), one: (30, 20), other: (10, 5)}
    name = name_of([(50, 55)])
    assert unions(cells, [name])[name] == ((whole,), (one, other))
