# SPDX-License-Identifier: Apache-2.0
"""Small histories of persons, a study over them, and the same study answered a second time by plain Python (the oracle).

The oracle is written from docs/study.md and shares nothing with the SQL.
"""

import calendar
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.cohort.parts import columns_of, study_parts
from rempart.journeys.shard_evidence import computed
from rempart.records.study import Study, study_from_dict
from rempart.study.evidence import Evidence
from tests.properties.study_persons import BASE, Person, day, tables
from tests.properties.supplied_treatment import treated_until

TARGET, COMPARATOR, OTHER = "1111111111111", "2222222222222", "3333333333333"
FIRST, LAST, CUT = 10, 30, 45  # days of BASE: first and last possible time zero, last day of data


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What varies between studies."""

    washout: int = 0
    prior: int = 0
    lag: int = 0
    grace: int = 0
    follow_up: int | None = None
    estimand: str = "initiation"
    non_users: bool = False
    death: str = "date"
    age: tuple[int, int] | None = None
    exclude: tuple[int, int] | None = None
    history: tuple[int, int] | None = None
    bands: tuple[int, ...] = field(default=())
    usable: tuple[tuple[str, int], ...] = field(default=())  # source → the last day on which it can be used
    supply: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # arm → the keys of its exposure's periods

    def keys(self, arm: str) -> Mapping[str, Any]:
        """The keys of periods that an arm's exposure has; with ``initiation``, and of non-users, nothing would read them: refused."""
        read = self.estimand != "initiation" and not (arm == "comparator" and self.non_users)
        return self.supply.get(arm, {}) if read else {}

    def supplied(self, arm: str) -> Mapping[str, Any] | None:
        """The keys by which an arm's treatment ends, None where its records' own cover does."""
        return None if self.estimand == "initiation" else self.supply.get(arm)


def study(rules: Rules) -> Study:
    """The study of those rules, through the reader of study files."""
    condition = {"domain": "condition", "codes": "tumour"}
    protocol: dict[str, Any] = {
        "title": "t",
        "question": "q",
        "estimand": rules.estimand,
        "period": [day(FIRST), day(LAST)],
        "lag_days": rules.lag,
        "grace_days": rules.grace if rules.estimand == "on-treatment" else 0,  # elsewhere it is refused
        "death": rules.death,
    }
    if rules.follow_up is not None:
        protocol["follow_up_days"] = rules.follow_up
    cohort: dict[str, Any] = {"prior_observation_days": rules.prior, "washout_days": rules.washout}
    if rules.age:
        cohort["age"] = list(rules.age)
    if rules.exclude:
        cohort["exclude"] = [{**condition, "days": list(rules.exclude)}]
    covariates: dict[str, Any] = {"sex": {"type": "sex"}}
    if rules.history:
        covariates["before"] = {"type": "history", **condition, "days": list(rules.history)}
    if rules.bands:
        covariates["age_band"] = {"type": "age", "bands": list(rules.bands)}
    design = "new-user-non-users" if rules.non_users else "new-user-active-comparator"
    return study_from_dict(
        {
            "schema": "rempart.study/1",
            "permit": "P-2026-0001",
            "protocol": protocol,
            "codes": {
                "target": {"system": "CIP13", "include": [TARGET]},
                "comparator": {"system": "CIP13", "include": [COMPARATOR]},
                "tumour": {"system": "CIM10", "include": ["C67"], "exclude": ["C679"]},
            },
            "cohorts": {"main": cohort},
            "exposures": {
                "target": {"domain": "drug", "codes": "target", **rules.keys("target")},
                "comparator": {
                    "domain": "drug",
                    "codes": "comparator",
                    "non_users": rules.non_users,
                    **rules.keys("comparator"),
                },
            },
            "outcomes": {"tumour": {"any": [{**condition, "status": ["DP"]}]}},
            "covariates": covariates,
            "analyses": [{"id": "main", "type": "cox", "design": design}],
        }
    )


def answer(query: DuckDBQuery, rules: Rules, persons: Mapping[int, Person]) -> Evidence:
    """The evidence of one shard that holds ``persons``, of the columns alone that the permit is asked for."""
    parts = study_parts(study(rules), cut=day(CUT))
    read = columns_of(parts)
    for name, table in tables(persons).items():
        query.register(name, table.select(["person_id", *sorted(read.get(name, ()))]))
    query.register("usable_interval", intervals(rules))
    return computed(query, parts)


def intervals(rules: Rules) -> pa.Table:
    """Until when each source can be used, as in a session."""
    sources, lasts = [source for source, _ in rules.usable], [day(last) for _, last in rules.usable]
    columns = {"source": pa.array(sources, pa.string()), "scheme": pa.array([""] * len(sources), pa.string())}
    return pa.table({**columns, "last_day": pa.array(lasts, pa.date32())})


def cells(evidence: Evidence) -> Counter[tuple[Any, ...]]:
    """Cells as a count of (arm, pattern, entry, exit, status)."""
    names = ("arm", "pattern", "entry_day", "exit_day", "status")
    found: Counter[tuple[Any, ...]] = Counter()
    for row in evidence["cells"].to_pylist():
        found[tuple(row[name] for name in names)] += row["n"]
    return found


def attrition(evidence: Evidence, arm: str = "all") -> list[int]:
    """Persons remaining step by step."""
    rows = [row for row in evidence["attrition"].to_pylist() if row["arm"] == arm]
    return [row["n"] for row in sorted(rows, key=lambda row: row["step"])]


def is_tumour(code: str) -> bool:
    """The code list of the study: C67, but not C679."""
    return code.startswith("C67") and not code.startswith("C679")


def uses(person: Person, non_users: bool) -> dict[int, dict[str, int]]:
    """Day → arm → last day covered."""
    found: dict[int, dict[str, int]] = {}
    for at, code, end in person.drugs:
        arm = {TARGET: "target", COMPARATOR: "comparator"}.get(code)
        if arm is not None:
            known = found.setdefault(at, {})
            known[arm] = max(known.get(arm, at), end)
    return found


def entry(person: Person, rules: Rules) -> tuple[int, str, list[bool]] | None:
    """(time zero, arm, whether each step before time at risk is passed), or None without a dispensing in the period."""
    found = uses(person, rules.non_users)
    inside = [at for at in found if FIRST <= at <= LAST]
    if not inside:
        return None
    zero = min(inside)
    arm = "both" if len(found[zero]) > 1 else next(iter(found[zero]))
    tests = [
        arm != "both",
        any(a <= zero - rules.prior and b >= zero for a, b in person.observed),
    ]
    if rules.non_users:
        tests.append(not any(at < zero and "target" in arms for at, arms in found.items()))
    elif rules.washout:
        tests.append(not any(zero - rules.washout <= at < zero for at in found))
    if rules.age:
        tests.append(person.born is not None and rules.age[0] <= day(zero).year - person.born <= rules.age[1])
    if rules.exclude:
        tests.append(not _diagnosed(person, zero, rules.exclude))
    return zero, arm, tests


def _diagnosed(person: Person, zero: int, window: tuple[int, int]) -> bool:
    return any(is_tumour(code) and zero + window[0] <= at <= zero + window[1] for at, code, _ in person.diagnoses)


def follow(person: Person, rules: Rules, zero: int, arm: str) -> tuple[int, int]:
    """(exit day since time zero, status)."""
    last = max(b for a, b in person.observed if a <= zero <= b)
    used = {"dcir", "mco", "ssr", "had", "rip"}  # dispensings and diagnoses, and stays
    ends = [last, CUT, *(end for source, end in rules.usable if source in used)]
    if rules.follow_up is not None:
        ends.append(zero + rules.follow_up)
    found = uses(person, rules.non_users)
    other = "comparator" if arm == "target" else "target"
    switches = sorted(at for at, arms in found.items() if at > zero and other in arms)
    if switches and (
        (rules.non_users and arm == "comparator") or (rules.estimand != "initiation" and not rules.non_users)
    ):
        ends.append(switches[0])
    treated = rules.estimand != "initiation" and not (rules.non_users and arm == "comparator")
    keys = rules.supplied(arm)
    if treated and keys is not None:
        mine, others = [TARGET, COMPARATOR] if arm == "target" else [COMPARATOR, TARGET]
        ends.append(treated_until(zero, person.drugs, person.stays, keys, codes=(mine, others), grace=rules.grace))
    elif treated:
        covered = found[zero][arm]
        for at in sorted(at for at, arms in found.items() if at > zero and arm in arms):
            if at > covered + rules.grace:
                break
            covered = max(covered, found[at][arm])
        ends.append(covered + rules.grace)
    outcome = min((at for at, code, s in person.diagnoses if at > zero and is_tumour(code) and s == "DP"), default=9999)
    death, end = _death(person, rules, last), min(ends)
    if outcome <= min(death, end):
        return outcome - zero, 1
    return (death - zero, 2) if death <= end else (end - zero, 0)


def _death(person: Person, rules: Rules, last: int) -> int:
    if person.death is None or rules.death == "ignore":
        return 9999
    if rules.death == "date":
        return person.death
    died, ended = day(person.death), day(last)
    if (died.year, died.month) == (ended.year, ended.month):
        return last
    days = calendar.monthrange(died.year, died.month)[1]
    return (died.replace(day=days) - BASE).days


def pattern(person: Person, rules: Rules, zero: int) -> str:
    """Levels in order of the names age_band, before, sex."""
    levels = []
    if rules.bands:
        levels.append(_band(None if person.born is None else day(zero).year - person.born, rules.bands))
    if rules.history:
        levels.append("yes" if _diagnosed(person, zero, rules.history) else "no")
    return "|".join([*levels, {8507: "male", 8532: "female"}.get(person.sex, "unknown")])


def _band(age: int | None, bands: Sequence[int]) -> str:
    if age is None:
        return "unknown"
    if age >= bands[-1]:
        return f"{bands[-1]}+"
    low = max((limit for limit in bands if limit <= age), default=0)
    high = min(limit for limit in bands if limit > age)
    return f"{low}-{high - 1}"


def expected(persons: Mapping[int, Person], rules: Rules) -> tuple[list[int], Counter[tuple[Any, ...]]]:
    """What the SQL must say: attrition of all, and cells."""
    reached: list[int] = []
    found: Counter[tuple[Any, ...]] = Counter()
    steps = 4 + bool(rules.non_users or rules.washout) + bool(rules.age) + bool(rules.exclude)
    for person in persons.values():
        entered = entry(person, rules)
        if entered is None:
            continue
        zero, arm, tests = entered
        reached.append(1 + next((i for i, test in enumerate(tests) if not test), len(tests)))
        if all(tests):
            exit_day, status = follow(person, rules, zero, arm)
            if exit_day > rules.lag:
                reached[-1] += 1
                found[arm, pattern(person, rules, zero), rules.lag, exit_day, status] += 1
    return [sum(1 for count in reached if count >= step) for step in range(1, steps + 1)], found
