# SPDX-License-Identifier: Apache-2.0
"""What stands around the events: observation, schemes, residence, environment, pregnancies, professionals, facilities.

Three moments of a compaction: ``gather_context`` in each shard, ``prepare_context`` once, the steps of ``mapping.toml`` in each shard
(sql/context*.sql, sql/omop_*.sql), ``collect_context`` in each shard and ``finish_context`` once. Reads no file, writes none.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from rempart.errors import BadInput
from rempart.ingest.context_codes import Codes, code_tables, codes, long_term_codes
from rempart.ingest.geography import Change, Place, event_kinds, to_vintage
from rempart.ingest.hierarchy import Code, Standard
from rempart.ingest.observation import (
    CLAIMS,
    Counted,
    ObservationRules,
    UsableInterval,
    observation_rules,
    scheme_sql,
    usable_intervals,
)
from rempart.ports.query import Query

GATHERED = ("calendar", "births", "places", "codes")
COLLECTED = ("provider", "care_site")
_UNKNOWN = "unknown"
Tables = Mapping[str, pa.Table]


class Statements(Protocol):
    """SQL files by name, and how their ``$``-names are filled (``Definitions``)."""

    @property
    def sql(self) -> Mapping[str, str]:
        """The texts of sql/*.sql by name."""

    def filled(self, text: str, given: Mapping[str, str]) -> str:
        """A text with every ``$``-name replaced; raises KeyError for a name that nobody gives."""

    def statements(self, name: str, given: Mapping[str, str]) -> list[str]:
        """The statements of one file, filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The rules of this part, parsed. ``vintage``: the year that places are converted to, None = the latest population loaded."""

    rules: ObservationRules
    events: Mapping[str, str]
    vintage: int | None
    outcomes: Mapping[str, Mapping[str, int]]
    words: Mapping[str, str]
    codes: Codes
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """``shared``: tables to register in every shard's session; ``whole``: tables without persons to seal once; ``counts``: (what, count)
    for the report; ``words``: what ``$``-names of the steps stand for."""

    shared: Tables
    whole: Tables
    counts: Sequence[tuple[str, int]]
    words: Mapping[str, str]


def context(
    *,
    observation: Mapping[str, Any],
    geography: Mapping[str, Any],
    pregnancy: Mapping[str, Any],
    hierarchy: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
    vocabulary: Mapping[Code, Standard] | None = None,
) -> Context:
    """From parsed ``observation.toml``, ``geography.toml``, ``pregnancy.toml``, ``hierarchy.toml``, an operator's ``[observation]``
    options and vocabulary (``adapters.vocabulary_reader``).

    Raises BadInput ``unknown-key``, ``observation-months``.
    """
    rules = observation_rules(observation, options)
    words = {name: str(value) for name, value in pregnancy["values"].items()}
    words |= {name: ", ".join(f"'{code}'" for code in codes) for name, codes in pregnancy["lists"].items()}
    words["overseas"] = ", ".join(f"'{prefix}'" for prefix in geography["overseas"]["prefixes"])
    words["least_months_seen"] = str(rules.least_months_seen)
    words["claim_scheme"] = words["card_scheme"] = scheme_sql(rules, "scheme")
    words |= _options(rules)
    return Context(
        rules=rules,
        events=event_kinds(geography),
        vintage=geography.get("vintage", {}).get("year"),
        outcomes=pregnancy["outcomes"],
        words=words,
        codes=codes(hierarchy, vocabulary),
        options=options or {},
    )


def _options(rules: ObservationRules) -> dict[str, str]:
    """The options of observation as SQL. Who was never met counts as met on the first day, where contact ends observation."""
    after = f"INTERVAL {rules.months_after} MONTH" if rules.months_after else ""
    last = "coalesce(contact.last_day, observed_from)"
    return {
        "start_option": ", contact.first_day" if rules.first_contact else "",
        "observed_if": "met" if rules.first_contact else "true",
        "end_option": f", CAST({last} + {after} AS DATE)" if after else "",
    }


def gather_context(query: Query, definitions: Statements, given: Mapping[str, str]) -> dict[str, pa.Table]:
    """Of one shard (views ``gross_*``): additive counts by month, birth stays, codes of communes. ``given`` holds ``Context.words``
    and the rules' masks. Narrow: about 50 bytes a birth stay stay in memory until the end."""
    return {name: query.table(definitions.filled(definitions.sql[f"gather_{name}"], given)) for name in GATHERED}


def collect_context(query: Query, definitions: Statements, given: Mapping[str, str]) -> dict[str, pa.Table]:
    """Of one shard: professionals with their specialties, facility numbers by kind."""
    return {name: query.table(definitions.filled(definitions.sql[f"collect_{name}"], given)) for name in COLLECTED}


def finish_context(query: Query, definitions: Statements, collected: Mapping[str, Sequence[pa.Table]]) -> Tables:
    """Tables without persons from what all shards collected."""
    made = {}
    for name in COLLECTED:
        query.register(f"collected_{name}", pa.concat_tables(collected[name]))
        made[name] = query.table(definitions.filled(definitions.sql[f"whole_{name}"], {}))
        query.unregister(f"collected_{name}")
    return made


def prepare_context(
    query: Query, definitions: Statements, context: Context, gathered: Mapping[str, Sequence[pa.Table]]
) -> Prepared:
    """Once, after persons are resolved: ``query`` holds ``kept_card``, ``person`` and the gross reference tables of all shards.

    Raises BadInput ``environment-units`` for an exposure that is measured in two units.
    """
    intervals = usable_intervals(_counted(gathered["calendar"]), context.rules)
    vintage = _vintage(query, context)
    places = _places(query, context, gathered["places"], vintage)
    query.register("commune_now", places)
    query.register("context_births", pa.concat_tables(gathered["births"]))
    for statement in definitions.statements("births", {}):
        query.execute(statement)
    kinds = query.table(definitions.sql["whole_environment_kind"])
    _one_unit(kinds)
    environment = query.table(definitions.sql["whole_environment"])
    births, location = query.table("SELECT * FROM context_birth"), query.table(definitions.sql["whole_location"])
    counts = (*_place_counts(places), *_birth_counts(query))
    query.execute("DROP TABLE context_birth")
    query.unregister("context_births")
    query.unregister("commune_now")
    concept_map, tree = code_tables(query, context.codes, gathered["codes"])
    shared = {
        "concept_map": concept_map,
        "commune_now": places,
        "context_birth": births,
        "context_cut": _cuts(intervals, context.rules),
        "context_scheme": _schemes(context.rules),
        "delivery_outcome": _outcomes(context.outcomes),
        "environment_kind": kinds,
        "environment_value": environment,
        "long_term_code": long_term_codes(query),
    }
    whole = {
        "usable_interval": _intervals(intervals),
        "location": location,
        "commune_conversion": places,
        "environment": environment,
        "code_hierarchy": tree,
    }
    return Prepared(shared=shared, whole=whole, counts=counts, words={**context.words, "vintage": str(vintage)})


def _counted(tables: Iterable[pa.Table]) -> list[Counted]:
    """Sums over shards."""
    sums: dict[tuple[str, str, int, int], int] = {}
    for table in tables:
        for row in zip(
            *(table.column(name).to_pylist() for name in ("source", "scheme", "month", "flow", "lines")), strict=True
        ):
            source, scheme, month, flow, lines = row
            sums[source, scheme, month, flow] = sums.get((source, scheme, month, flow), 0) + lines
    found = []
    for (source, scheme, month, flow), lines in sorted(sums.items()):
        found.append(Counted(source=source, scheme=scheme, month=month, flow=flow or None, lines=lines))
    return found


def _vintage(query: Query, context: Context) -> int:
    """The year given, else the latest population's, else the latest change's, else 0: nothing to convert with."""
    if context.vintage:
        return context.vintage
    asked = "SELECT coalesce((SELECT max(vintage) FROM gross_population), (SELECT max(year(effective)) FROM gross_commune_change), 0) AS y"
    return int(query.table(asked).column("y")[0].as_py())


def _places(query: Query, context: Context, seen: Sequence[pa.Table], vintage: int) -> pa.Table:
    """delivered, commune, how: every code met in claims, cards and reference files."""
    codes = {code for table in seen for code in table.column(0).to_pylist()}
    for table in ("gross_environment", "gross_population"):
        codes |= set(query.table(f"SELECT DISTINCT commune FROM {table}").column(0).to_pylist())
    known = (
        query.table(f"SELECT DISTINCT commune FROM gross_population WHERE vintage = {vintage}").column(0).to_pylist()
    )
    lines = query.table("SELECT DISTINCT effective, kind, before, after FROM gross_commune_change").to_pylist()
    changes = [Change(**line) for line in lines]
    ordered = sorted(code for code in codes if code)
    found = to_vintage(ordered, changes, year=vintage or datetime.MAXYEAR, known=known, kinds=context.events)
    return _place_table(found)


def _place_table(found: Mapping[str, Place]) -> pa.Table:
    columns = {
        "delivered": pa.array(list(found), pa.string()),
        "commune": pa.array([place.commune for place in found.values()], pa.string()),
        "how": pa.array([place.how for place in found.values()], pa.string()),
    }
    return pa.table(columns)


def _place_counts(places: pa.Table) -> list[tuple[str, int]]:
    hows = places.column("how").to_pylist()
    return [(f"communes-{how}", hows.count(how)) for how in sorted(set(hows))]


def _birth_counts(query: Query) -> list[tuple[str, int]]:
    asked = {
        "births": "true",
        "births-without-mother-key": "mother IS NULL AND birth IS NULL",
        "births-of-nobody-in-the-register": "child_persons = 0",
        "births-sharing-a-pseudonym": "child_persons > 1",
    }
    return [
        (what, int(query.table(f"SELECT count(*) AS n FROM context_birth WHERE {where}").column("n")[0].as_py()))
        for what, where in asked.items()
    ]


def _one_unit(kinds: pa.Table) -> None:
    for exposure, units in zip(kinds.column("exposure").to_pylist(), kinds.column("units").to_pylist(), strict=True):
        if units > 1:
            raise BadInput("environment-units", exposure=exposure)


def _cuts(intervals: Sequence[UsableInterval], rules: ObservationRules) -> pa.Table:
    """scheme, first_day, last_day of observation: claims' usable interval; without claims, what all other sources span."""
    claims = {one.scheme: one for one in intervals if one.source == CLAIMS}
    rest = [one for one in intervals if one.source != CLAIMS]
    whole = claims.get("")
    rows = []
    for scheme in rules.schemes:
        found = claims.get(scheme.id)
        if found is None and (whole or rest):
            first = whole.first_day if whole else min(one.first_day for one in rest)
            last = whole.last_day if whole else max(one.last_day for one in rest)
            found = UsableInterval(
                source=CLAIMS, scheme=scheme.id, first_day=max(first, scheme.first), last_day=last, reason=""
            )
        if found is not None:
            rows.append((scheme.id, found.first_day, found.last_day))
    names, firsts, lasts = zip(*rows, strict=True) if rows else ((), (), ())
    days = pa.date32()
    return pa.table(
        {"scheme": pa.array(names, pa.string()), "first_day": pa.array(firsts, days), "last_day": pa.array(lasts, days)}
    )


def _intervals(intervals: Sequence[UsableInterval]) -> pa.Table:
    """As sealed: source, scheme, first_day, last_day, reason."""
    texts = {name: pa.array([getattr(one, name) for one in intervals], pa.string()) for name in ("source", "scheme")}
    days = {
        name: pa.array([getattr(one, name) for one in intervals], pa.date32()) for name in ("first_day", "last_day")
    }
    return pa.table({**texts, **days, "reason": pa.array([one.reason for one in intervals], pa.string())})


def _schemes(rules: ObservationRules) -> pa.Table:
    """scheme, last (day of a scheme that ended), then_scheme (which took its people over)."""
    return pa.table(
        {
            "scheme": pa.array([one.id for one in rules.schemes], pa.string()),
            "last": pa.array([one.last for one in rules.schemes], pa.date32()),
            "then_scheme": pa.array([one.then for one in rules.schemes], pa.string()),
        }
    )


def _outcomes(outcomes: Mapping[str, Mapping[str, int]]) -> pa.Table:
    """code, live_births, stillbirths, days."""
    named = {"live_births": "live", "stillbirths": "still", "days": "days"}
    columns = {ours: pa.array([one[name] for one in outcomes.values()], pa.int32()) for ours, name in named.items()}
    return pa.table({"code": pa.array(list(outcomes), pa.string()), **columns})
