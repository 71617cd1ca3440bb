# SPDX-License-Identifier: Apache-2.0
"""When data are usable and persons observed, as rules: schemes, options, and one usable interval per source and scheme.

Pure: works on counts of lines by month, never on rows of persons. The persons' periods are sql/context_observation.sql.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rempart.errors import BadInput

CLAIMS, CERTIFICATES, LINKED = "dcir", "certificates", "linked"
_EPOCH, _YEAR = 2000, 12
_OPTIONS = {"first_contact", "months_after_last_contact"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A health insurance scheme. ``first``, ``last``: days of its complete presence in the base (``last`` None: it goes on)."""

    id: str
    prefixes: tuple[str, ...]
    great: tuple[str, ...]
    first: datetime.date
    last: datetime.date | None
    then: str
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationRules:
    """Parsed ``observation.toml``. ``months_after``: None = observation never ends for want of contact.

    Raises BadInput ``observation-months`` for less than one month after the last contact.
    """

    schemes: tuple[Scheme, ...]
    first_contact: bool
    months_after: int | None
    lag_share: float
    lag_bounds: tuple[int, int]
    volume_share: float
    least_lines: int
    least_in_flow: int
    linked_share: float
    least_months_seen: int

    def __post_init__(self) -> None:
        if self.months_after is not None and self.months_after < 1:
            raise BadInput("observation-months", given=self.months_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Lines of one ``source`` (and ``scheme``, '' = none) in one month of care, discharge or death, from one flow month.

    Months since January 2000; ``flow`` None where the source comes in years, not flows.
    """

    source: str
    scheme: str
    month: int
    flow: int | None
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableInterval:
    """First and last day on which a source is complete for a scheme ('' = whoever), and why it ends there."""

    source: str
    scheme: str
    first_day: datetime.date
    last_day: datetime.date
    reason: str


def observation_rules(parsed: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> ObservationRules:
    """Rules from parsed ``observation.toml``; ``changes``: an operator's ``[observation]`` options over its ``[options]``.

    Raises BadInput ``unknown-key``, ``observation-months``.
    """
    for name in set(changes or {}) - _OPTIONS:
        raise BadInput("unknown-key", file="[observation]", key=name, expected=", ".join(sorted(_OPTIONS)))
    options = {**parsed["options"], **(changes or {})}
    return ObservationRules(
        schemes=tuple(_scheme(raw) for raw in parsed["schemes"]),
        first_contact=bool(options["first_contact"]),
        months_after=options.get("months_after_last_contact"),
        lag_share=parsed["lag"]["share"],
        lag_bounds=(parsed["lag"]["least_months"], parsed["lag"]["most_months"]),
        volume_share=parsed["volume"]["share"],
        least_lines=parsed["volume"]["least_lines"],
        least_in_flow=parsed["volume"]["least_in_flow"],
        linked_share=parsed["linkage"]["share"],
        least_months_seen=parsed["change"]["least_months_seen"],
    )


def _scheme(raw: Mapping[str, Any]) -> Scheme:
    return Scheme(
        id=raw["id"],
        prefixes=tuple(raw["prefixes"]),
        great=tuple(raw.get("great", ())),
        first=raw["first"],
        last=raw.get("last"),
        then=raw.get("then", ""),
        words={"en": raw["en"], "fr": raw["fr"]},
    )


def scheme_sql(rules: ObservationRules, column: str) -> str:
    """SQL: the id of the scheme that a code belongs to; ``unknown`` for none written, ``other`` for one that no scheme names.

    A code with a full stop is a claim's "small scheme.great scheme"; any other is an affiliating body, judged by its longest prefix.
    """
    great = "".join(f" WHEN '{code}' THEN '{s.id}'" for s in rules.schemes for code in s.great)
    pairs = sorted(((p, s.id) for s in rules.schemes for p in s.prefixes), key=lambda pair: -len(pair[0]))
    bodies = "".join(f" WHEN starts_with({column}, '{prefix}') THEN '{name}'" for prefix, name in pairs)
    by_great = f"CASE right('0' || split_part({column}, '.', 2), 2) WHEN '0' THEN 'unknown'{great} ELSE 'other' END"
    return f"CASE WHEN coalesce({column}, '') = '' THEN 'unknown' WHEN contains({column}, '.') THEN {by_great}{bodies} ELSE 'other' END"


def month_of(day: datetime.date) -> int:
    """Months since January 2000."""
    return (day.year - _EPOCH) * _YEAR + day.month - 1


def first_of(month: int) -> datetime.date:
    """First day of a month counted from January 2000."""
    return datetime.date(_EPOCH + month // _YEAR, month % _YEAR + 1, 1)


def last_of(month: int) -> datetime.date:
    """Last day of that month."""
    return first_of(month + 1) - datetime.timedelta(days=1)


def usable_intervals(counted: Iterable[Counted], rules: ObservationRules) -> tuple[UsableInterval, ...]:
    """One interval per source and scheme that has any line, sorted: claims by lag curve and volume, hospital fields by complete
    years of discharge, certificates by linked years."""
    by_source = defaultdict[str, list[Counted]](list)
    for one in counted:
        by_source[one.source].append(one)
    found: list[UsableInterval] = []
    for source, lines in sorted(by_source.items()):
        if source == CLAIMS:
            found += _claims(lines, rules)
        elif source == CERTIFICATES:
            found += _certificates(lines, rules)
        else:
            found += _years(source, lines, rules)
    return tuple(found)


def lag_curve(lines: Sequence[Counted]) -> list[float]:
    """Share of a care month's lines that has come by lag 0, 1, … months, from all care months by their development factors.

    A month that is still coming in counts only for the lags that its flows have reached (chain ladder), so that recent months do
    not make the curve look quicker than it is.
    """
    flows = [one.flow for one in lines if one.flow]
    opened, last = min(flows, default=0), max(flows, default=0)
    cells: dict[int, dict[int, int]] = {}
    for one in lines:
        # Of care before the first flow only the late lines are here.
        if one.flow and one.flow >= one.month >= opened:
            month = cells.setdefault(one.month, {})
            month[one.flow - one.month] = month.get(one.flow - one.month, 0) + one.lines
    longest = max((lag for month in cells.values() for lag in month), default=0)
    share = [1.0]
    for lag in range(longest, 0, -1):
        reached = [month for start, month in cells.items() if last - start >= lag]
        before = sum(n for month in reached for k, n in month.items() if k < lag)
        upto = before + sum(month.get(lag, 0) for month in reached)
        share.append(share[-1] * (before / upto if upto else 1.0))
    return share[::-1]


def _claims(lines: Sequence[Counted], rules: ObservationRules) -> list[UsableInterval]:
    """The interval of all schemes together, then of each: from the scheme's first day on, cut alike."""
    whole = _claims_interval(lines, rules)
    found = [whole]
    seen = {one.scheme for one in lines}
    for scheme in rules.schemes:
        first = max(whole.first_day, scheme.first)
        if scheme.id in seen and first <= whole.last_day:
            reason = "scheme-begins" if scheme.first > whole.first_day else whole.reason
            found.append(
                UsableInterval(source=CLAIMS, scheme=scheme.id, first_day=first, last_day=whole.last_day, reason=reason)
            )
    return found


def _claims_interval(lines: Sequence[Counted], rules: ObservationRules) -> UsableInterval:
    # Care after its own flow is a wrong day (T2).
    by_month = _by_month(one for one in lines if not one.flow or one.month <= one.flow) or _by_month(lines)
    flows = {one.flow for one in lines if one.flow}
    if sum(by_month.values()) < rules.least_lines or not flows:
        return _whole_years(CLAIMS, by_month)
    curve = lag_curve(lines)
    reached = next((k for k, share in enumerate(curve) if share >= rules.lag_share), len(curve) - 1)
    k = min(max(reached, rules.lag_bounds[0]), rules.lag_bounds[1])
    present = _present(by_month, rules)
    # Lines of a month mostly come from the next month's flow on; where some come at once, that flow is needed as well.
    soonest = 0 if curve[0] > 1 - rules.lag_share else 1
    months = range(present[0], present[-1] + 1)
    delivered = flows | _too_small_to_miss(by_month, curve, flows, rules.least_in_flow)
    complete = [m for m in months if set(range(m + soonest, m + k + 1)) <= delivered]
    if not complete:
        return _whole_years(CLAIMS, by_month)
    start = _run_start(complete)
    last = complete[-1]
    reason = "flow-lag" if last < present[-1] else "last-month-of-care"
    return UsableInterval(source=CLAIMS, scheme="", first_day=first_of(start), last_day=last_of(last), reason=reason)


def _too_small_to_miss(
    by_month: Mapping[int, int], curve: Sequence[float], flows: Collection[int], least: int
) -> set[int]:
    """Flows from the first on that hold no line, and would hardly hold one: their absence tells nothing."""
    arriving = [share - before for share, before in zip(curve, [0.0, *curve], strict=False)]

    def expected(flow: int) -> float:
        return sum(by_month.get(flow - lag, 0) * share for lag, share in enumerate(arriving))

    return {flow for flow in range(min(flows), max(flows) + len(curve)) if flow not in flows and expected(flow) < least}


def _run_start(months: Sequence[int]) -> int:
    """The first month of the last run without a hole."""
    start = months[-1]
    for month in reversed(months):
        if month < start - 1:
            break
        start = month
    return start


def _by_month(lines: Iterable[Counted]) -> dict[int, int]:
    found = Counter[int]()
    for one in lines:
        found[one.month] += one.lines
    return found


def _present(by_month: Mapping[int, int], rules: ObservationRules) -> list[int]:
    """Months that hold enough of the median month's lines, the median taken over the months that hold most lines."""
    total = sum(by_month.values())
    ranked, covered = [], 0
    for count in sorted(by_month.values(), reverse=True):
        ranked.append(count)
        covered += count
        if covered >= 0.9 * total:
            break
    enough = rules.volume_share * median(ranked)
    return sorted(month for month, count in by_month.items() if count >= enough)


def _whole_years(source: str, by_month: Mapping[int, int]) -> UsableInterval:
    return _of_years(source, min(by_month) // _YEAR, max(by_month) // _YEAR, "too-few-lines")


def _years(source: str, lines: Sequence[Counted], rules: ObservationRules) -> list[UsableInterval]:
    """Hospital stays: the last run of discharge years whose every quarter is there."""
    by_month = _by_month(lines)
    if sum(by_month.values()) < rules.least_lines:
        return [_whole_years(source, by_month)]
    enough = 3 * rules.volume_share * median(by_month.values())
    years = sorted({month // _YEAR for month in by_month})
    complete = [year for year in years if all(n >= enough for n in _quarters(by_month, year))]
    if not complete:
        return []
    reason = "last-complete-year" if complete[-1] == years[-1] else "last-year-incomplete"
    return [_of_years(source, _run_start(complete), complete[-1], reason)]


def _quarters(by_month: Mapping[int, int], year: int) -> list[int]:
    return [sum(by_month.get(year * _YEAR + 3 * q + m, 0) for m in range(3)) for q in range(4)]


def _of_years(source: str, first: int, last: int, reason: str) -> UsableInterval:
    days = first_of(first * _YEAR), last_of(last * _YEAR + _YEAR - 1)
    return UsableInterval(source=source, scheme="", first_day=days[0], last_day=days[1], reason=reason)


def _certificates(lines: Sequence[Counted], rules: ObservationRules) -> list[UsableInterval]:
    """Certificates: the last run of years of which enough were linked (scheme ``linked``; any other scheme is of those that were not)."""
    by_year: dict[int, list[int]] = {}
    for one in lines:
        counts = by_year.setdefault(one.month // _YEAR, [0, 0])
        counts[one.scheme == LINKED] += one.lines
    linked = sorted(
        year for year, (rest, some) in by_year.items() if some and some >= rules.linked_share * (rest + some)
    )
    return [_of_years(CERTIFICATES, _run_start(linked), linked[-1], "last-linked-year")] if linked else []
