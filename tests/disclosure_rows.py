# SPDX-License-Identifier: Apache-2.0
"""Result rows for tests of disclosure, release and figures: small tables, curves and one whole submission. Checks nothing."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.records.result import CheckedTable, ResultRow

SOURCE = Path(__file__).resolve().parent.parent / "src" / "rempart"
UNITS = {"percent": "percent", "rate": "per 1000 person-years", "person_years": "years"}


def toml(path: str) -> dict[str, Any]:
    """A data file of the package."""
    return tomllib.loads((SOURCE / path).read_text(encoding="utf-8"))


RULES = package_data.joined("disclosure/rules.toml")


def rules(**threshold: Any) -> dict[str, Any]:
    """The rules with some thresholds changed."""
    return {**RULES, "threshold": {**RULES["threshold"], **threshold}}


def row(
    output: str,
    output_type: str,
    row_key: Mapping[str, str],
    arm: str,
    statistic: str,
    value: float | None,
    persons: int | None = None,
    ref: str = "",
    **more: Any,
) -> ResultRow:
    """One raw row; the persons are the value unless given."""
    if persons is None and value is not None:
        persons = int(value)
    return ResultRow(
        run="run",
        output=output,
        output_type=output_type,
        row_key=row_key,
        column_key={"arm": arm} if arm else {},
        statistic=statistic,
        value=None if value is None else float(value),
        unit=UNITS.get(statistic, "persons"),
        n_persons=persons,
        persons_ref=ref,
        **more,
    )


def frequency(arms: Mapping[str, Mapping[str, int]], *, variable: str = "sex", total: bool = True) -> list[ResultRow]:
    """``table_one`` of one variable: arm → level → n; totals and the arm ``all`` are added, percentages too."""
    whole = dict(arms)
    if len(arms) > 1:
        levels = next(iter(arms.values()))
        whole["all"] = {level: sum(arm[level] for arm in arms.values()) for level in levels}
    found = []
    for arm, levels in whole.items():
        n = sum(levels.values())
        if total:
            found.append(row("table_one", "frequency", {"variable": "all", "level": "all"}, arm, "n", n))
        for level, count in levels.items():
            key = {"variable": variable, "level": level}
            found.append(row("table_one", "frequency", key, arm, "n", count))
            if n:
                found.append(row("table_one", "frequency", key, arm, "percent", 100 * count / n, count))
    return found


def attrition(steps: Sequence[int], arm: str = "all") -> list[ResultRow]:
    """Persons remaining, step by step."""
    return [row("attrition", "attrition", {"step": f"{i:02d} step {i}"}, arm, "n", n) for i, n in enumerate(steps, 1)]


def rates(arms: Mapping[str, tuple[int, int, float]], outcome: str = "cancer") -> list[ResultRow]:
    """``incidence``: arm → (persons, events, person-years), with Garwood limits."""
    from scipy.stats import chi2

    found = []
    for arm, (persons, events, years) in arms.items():
        key, ref = {"outcome": outcome}, f"events/{outcome}/{arm}"
        lower = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
        upper = chi2.ppf(0.975, 2 * events + 2) / 2
        found += [
            row("incidence", "rate", key, arm, "persons", persons, ref=f"cohort/{arm}"),
            row("incidence", "rate", key, arm, "events", events, ref=ref),
            row("incidence", "rate", key, arm, "person_years", years, persons, f"cohort/{arm}"),
            row("incidence", "rate", key, arm, "rate", 1000 * events / years, events, ref),
            row("incidence", "rate", key, arm, "rate_lower", 1000 * lower / years, events, ref),
            row("incidence", "rate", key, arm, "rate_upper", 1000 * upper / years, events, ref),
        ]
    return found


def curve(
    arm: str, n: int, steps: Iterable[tuple[int, int]], *, grid: int = 90, output: str = "survival"
) -> list[ResultRow]:
    """A curve: per grid interval (events, censored); day 0 first."""
    found, events, censored, value = [], 0, 0, 1.0
    for index, (new_events, new_censored) in enumerate([(0, 0), *steps]):
        value *= 1 - new_events / max(1, n - events - censored)
        events, censored = events + new_events, censored + new_censored
        key = {"day": f"{index * grid:05d}"}
        counts = {"at_risk": n - events - censored, "events": events, "censored": censored}
        found += [row(output, "survival", key, arm, name, count) for name, count in counts.items()]
        for name, shift in (("survival", 0.0), ("lower", -0.0123456), ("upper", 0.0123456)):
            found.append(row(output, "survival", key, arm, name, max(0.0, min(1.0, value + shift)), n))
    return found


def ratios(
    events: Mapping[str, int], persons: Mapping[str, int], *, model: str = "adjusted", value: float = 1.3012345
) -> list[ResultRow]:
    """``hazard_ratio`` of one model with the counts of its arms."""
    key = {"analysis": "main", "model": model, "term": "target versus comparator"}
    everyone = sum(persons.values())
    found = [
        row("hazard_ratio", "hazard_ratio", key, "", name, number, everyone, "cohort/all")
        for name, number in (
            ("hazard_ratio", value),
            ("lower", value * 0.7654321),
            ("upper", value * 1.2345678),
            ("p_value", 0.0345678),
        )
    ]
    for arm, count in events.items():
        found.append(row("hazard_ratio", "hazard_ratio", key, arm, "events", count, ref=f"events/cancer/{arm}"))
        found.append(row("hazard_ratio", "hazard_ratio", key, arm, "persons", persons[arm], ref=f"cohort/{arm}"))
    return found


def submission(events: tuple[int, int] = (60, 70)) -> list[ResultRow]:
    """A whole study: attrition, table one, rates, curves, ratios of two arms."""
    persons = {"target": 1200, "comparator": 2300}
    arms = {
        "target": (1200, events[0], 3960.4321),
        "comparator": (2300, events[1], 7590.1234),
        "all": (3500, sum(events), 11550.5555),
    }
    found = attrition([5000, 4400, 3500])
    found += frequency({"target": {"men": 600, "women": 600}, "comparator": {"men": 1100, "women": 1200}})
    found += rates(arms)
    for (arm, n), total in zip(persons.items(), events, strict=True):
        share, rest = divmod(total, 4)
        found += curve(arm, n, [(share, 60), (share, 60), (share, 60), (share + rest, 60)])
    by_arm = dict(zip(persons, events, strict=True))
    found += ratios(by_arm, persons, model="crude", value=1.7123456)
    return found + ratios(by_arm, persons)


def counts_shown(tables: Iterable[CheckedTable]) -> dict[tuple[str, str, str, str], int | None]:
    """(output, row, arm, statistic) → published count, None when suppressed; whole-number statistics only."""
    found: dict[tuple[str, str, str, str], int | None] = {}
    for table in tables:
        for item in table.rows:
            if item.statistic in {"n", "persons", "events", "at_risk", "censored", "deaths"}:
                key = (table.output, "/".join(item.row_key.values()), item.column_key.get("arm", ""), item.statistic)
                found[key] = None if item.value is None else int(item.value)
    return found
