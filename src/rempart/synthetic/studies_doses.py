# SPDX-License-Identifier: Apache-2.0
"""Studies of vaccine doses: one campaign for all of them, and an outcome more frequent in a window of days after a dose."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rempart.errors import BadInput
from rempart.synthetic.outcomes import YEAR, baseline_of
from rempart.synthetic.plan import NEVER, Calendar, Flags, Floats, Ints
from rempart.synthetic.planting import Block, Doses, Facts, Planted, Stays, empty_planted
from rempart.synthetic.studies_cohort import Rules, form_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Product of each person (-1: none) and the days of the doses, persons × ranks (NEVER: not given)."""

    names: tuple[str, ...]
    product: Ints
    days: Ints


def date_day(calendar: Calendar, text: str) -> int:
    """Day number of an ISO date."""
    return int((np.datetime64(text, "D") - calendar.base).astype(np.int64))


def draw_campaign(rule: Mapping[str, Any], block: Block, calendar: Calendar, draw: np.random.Generator) -> Campaign:
    """Who was vaccinated when, with what. Raises BadInput ``synth-study-years`` when the campaign lies outside the years delivered."""
    start, size = date_day(calendar, rule["start"]), len(block)
    if not calendar.first <= start + 5 <= calendar.last:
        raise BadInput("synth-study-years", year=rule["start"][:4])
    age, first, uptake = block.age(start), np.full(size, NEVER), np.zeros(size)
    for band in rule["bands"]:
        mine = (age >= band["age"][0]) & (age < band["age"][1])
        wait = draw.exponential(band["wait"], size).astype(np.int64)
        first = np.where(mine, date_day(calendar, band["opens"]) + wait, first)
        uptake = np.where(mine, band["uptake"], uptake)
    given = draw.random(size) < uptake * np.where(block.sex == 1, rule["men"], 1.0)
    product = np.where(given, _products(rule["products"], age, draw), -1)
    gaps = np.array([item["gap"] or [NEVER, NEVER] for item in rule["products"]])[product]
    second = first + gaps[:, 0] + (draw.random(size) * (gaps[:, 1] - gaps[:, 0] + 1)).astype(np.int64)
    days = np.where(given[:, None], np.stack([first, second], axis=1), NEVER)
    return Campaign(names=tuple(item["name"] for item in rule["products"]), product=product, days=_alive(days, block))


def _products(products: list[dict[str, Any]], age: Floats, draw: np.random.Generator) -> Ints:
    odds = np.zeros((len(age), len(products)))
    for place, item in enumerate(products):
        steps = np.array(item["share"], dtype=float)
        odds[:, place] = steps[np.maximum(np.searchsorted(steps[:, 0], age, side="right") - 1, 0), 1]
    total = np.cumsum(odds, axis=1)
    return np.asarray((draw.random(len(age))[:, None] * total[:, -1:] >= total).sum(axis=1))


def _alive(days: Ints, block: Block) -> Ints:
    return np.where((days < block.death[:, None]) & (days < NEVER), days, NEVER)


def window_ratio(windows: list[dict[str, Any]], campaign: Campaign, rows: Ints, day: Ints) -> Floats:
    """Hazard ratio of persons ``rows`` on days ``day``: the product over the windows they are in."""
    ratio = np.ones(len(rows))
    for window in windows:
        since = day - campaign.days[rows, window["rank"] - 1]
        inside = (since >= window["days"][0]) & (since <= window["days"][1])
        mine = campaign.product[rows] == campaign.names.index(window["product"])
        ratio = np.where(inside & mine, ratio * window["ratio"], ratio)
    return ratio


def plant_outcome(
    rules: Rules, block: Block, calendar: Calendar, campaign: Campaign, draw: np.random.Generator
) -> tuple[Planted, Campaign]:
    """One outcome in its period, by thinning, and the campaign less the doses that the outcome cancelled."""
    table, size = rules.table, len(block)
    low, high = table["eligible"]["age"]
    age = block.age(date_day(calendar, table["period"][0]))
    fit = (age >= low) & (age < high) & np.isin(block.sex, table["eligible"]["sex"])
    event = np.where(fit, _events(rules, block, calendar, campaign, draw), NEVER)
    had = event != NEVER
    wait = 3 + draw.exponential(YEAR * rules.boost / table["fatality"], size).astype(np.int64)
    death = np.minimum(block.death, np.where(had, event + wait, NEVER))
    person, who = np.flatnonzero(fit), np.flatnonzero(had)
    gone = had & (draw.random(size) < table["deferred"])
    days = np.where(gone[:, None] & (campaign.days > event[:, None]), NEVER, campaign.days)
    left = replace(campaign, days=np.where(days < death[:, None], days, NEVER))
    arm = campaign.product[person] + 1
    facts = Facts(
        study=rules.name, arms=("none", *campaign.names), person=person, arm=np.where(left.days[person, 0] < NEVER, arm, 0),
        fresh=left.days[person, 0] < NEVER, start=left.days[person, 0], stop=left.days[person, 1], event=event[person],
        treated=np.zeros(len(person), dtype=bool),
    )  # fmt: skip
    stays = Stays(person=who, day=event[who], form=draw.integers(0, len(table["forms"]), len(who)))
    forms = tuple(form_of(words) for words in table["forms"])
    return replace(empty_planted(death), forms=forms, stays=stays, facts=(facts,)), left


def _events(rules: Rules, block: Block, calendar: Calendar, campaign: Campaign, draw: np.random.Generator) -> Ints:
    """Candidates of two kinds, so that few are thrown away: the baseline over the period, and the excess in the windows."""
    table = rules.table
    base = baseline_of(table["baseline"], rules.boost)
    first = max(date_day(calendar, table["period"][0]), calendar.first)
    end = np.minimum(block.death, min(date_day(calendar, table["period"][1]), calendar.last) + 1)
    highest = max(float(window["ratio"]) for window in table["windows"])
    length = np.maximum(end - first, 0)
    ages = ((first - block.born) / YEAR, (first + length - block.born) / YEAR)
    event = np.full(len(block), NEVER)
    for kind in ("baseline", "excess"):
        top = base.highest(ages, block.sex) * (1.0 if kind == "baseline" else highest - 1.0)
        rows, day = _candidates(
            campaign, (first, length), top, draw, windows=table["windows"] if kind == "excess" else []
        )
        ratio = 1.0 if kind == "baseline" else window_ratio(table["windows"], campaign, rows, day) - 1.0
        hazard = base.rate((day - block.born[rows]) / YEAR, block.sex[rows]) * ratio
        kept = (draw.random(len(rows)) * top[rows] < hazard) & (day < end[rows]) & (day >= first)
        np.minimum.at(event, rows[kept], day[kept])
    return event


def _candidates(
    campaign: Campaign,
    span: tuple[int, Ints],
    top: Floats,
    draw: np.random.Generator,
    *,
    windows: list[dict[str, Any]],
) -> tuple[Ints, Ints]:
    """Days at which a person may fall ill, at the rate ``top``: over the whole span, or inside the windows of doses alone."""
    first, length = span
    if not windows:
        rows = np.repeat(np.arange(len(top)), draw.poisson(top * length / YEAR))
        return rows, first + (draw.random(len(rows)) * length[rows]).astype(np.int64)
    found: list[tuple[Ints, Ints]] = []
    for window in windows:
        opens, closes = window["days"]
        mine: Flags = campaign.product == campaign.names.index(window["product"])
        mine = mine & (campaign.days[:, window["rank"] - 1] < NEVER)
        who = np.flatnonzero(mine)
        rows = np.repeat(who, draw.poisson(top[who] * (closes - opens + 1) / YEAR))
        day = campaign.days[rows, window["rank"] - 1] + draw.integers(opens, closes + 1, len(rows))
        found.append((rows, day))
    return np.concatenate([rows for rows, _ in found]), np.concatenate([day for _, day in found])


def doses_of(campaign: Campaign, calendar: Calendar, death: Ints) -> Doses:
    """The doses given by the last day delivered, sorted by person and rank."""
    given = (campaign.days <= calendar.last) & (campaign.days < death[:, None])
    person, rank = np.nonzero(given)
    return Doses(person=person, day=campaign.days[person, rank], rank=rank + 1, product=campaign.product[person])
