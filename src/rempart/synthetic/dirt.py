# SPDX-License-Identifier: Apache-2.0
"""The dirt of claims: lag, cancelled and corrected lines, lines to set aside, lost dates. Each kind is counted where it is planted."""

import numpy as np

from rempart.synthetic.catalogue import DRUG, NONE
from rempart.synthetic.claims import (
    EMPTY,
    INFORMED,
    INFORMED_ALSO,
    PLAIN,
    Lines,
    chosen,
    dispensed,
    joined,
    lines,
    under_cards,
)
from rempart.synthetic.identities import Cards
from rempart.synthetic.plan import NO_DATE_0001, Calendar, Ints
from rempart.synthetic.population import People
from rempart.synthetic.setting import Setting


def set_flows(setting: Setting, block: Lines, *words: str) -> Lines:
    """Give each line the month in which it became available: one to ``tail`` months after care."""
    lag, draw = setting.plan.tables["model"]["lag"], setting.plan.stream("flows", *words)
    shares = np.array(lag["shares"])
    size, late = len(block["day"]), np.arange(lag["months"][-1] + 1, lag["tail"] - 6)
    months = np.concatenate([lag["months"], late])
    odds = np.concatenate([shares, np.full(len(late), (1 - shares.sum()) / len(late))])
    block["flow"] = setting.calendar.month(block["day"]) + draw.choice(months, size=size, p=odds)
    return block


def with_dirt(setting: Setting, world: tuple[People, Cards], true: Lines) -> tuple[Lines, dict[str, int]]:
    """The lines as delivered, and the count of each planted defect. ``true`` has its flows."""
    plan, calendar = setting.plan, setting.calendar
    draw, share = plan.stream("dirt"), plan.tables["model"]["dirt"]
    drugs = int((true["kind"] == DRUG).sum())
    last = calendar.month(true["day"]) + plan.tables["model"]["lag"]["tail"]
    counts: dict[str, int] = {}
    split = _split(draw, share["split"], true)
    counts["dispensings_on_two_equal_lines"] = len(split["day"])
    corrected = _corrected(draw, share["corrected"], true, last)
    counts["corrected_triples"] = len(corrected["day"]) // 2
    seen = _Seen(draw, setting, world)
    pairs = seen.cancelled(max(6, round(drugs * share["cancelled"])))
    counts["cancelled_pairs"] = len(pairs["day"]) // 2
    informed = seen.informed(max(6, round(drugs * share["information"])), share["information_both"])
    counts["lines_information_only"] = len(informed["day"])
    counts["lines_information_only_and_without_nature"] = int(informed["natureless"].sum())
    bare = seen.drug_lines(max(3, round(drugs * share["natureless"])))
    bare["natureless"][:] = 1
    counts["lines_without_nature"] = len(bare["day"]) + counts["lines_information_only_and_without_nature"]
    extra = _surcharges(draw, setting, true)
    counts["surcharge_lines"] = len(extra["day"])
    strangers = set_flows(setting, _strangers(draw, calendar, world[1]), "strangers")
    counts["lines_of_unusable_cards"] = len(strangers["day"])
    whole = joined([true, split, corrected, pairs, informed, bare, extra, strangers])
    return whole, counts | _undate(draw, share, whole, calendar)


def _split(draw: np.random.Generator, share: float, true: Lines) -> Lines:
    """A dispensing of two boxes written as two equal lines of one: collapsing equal lines loses a box."""
    rows = np.flatnonzero((true["quantity"] == 2) & (draw.random(len(true["day"])) < share))
    true["quantity"][rows] = 1
    return chosen(true, rows)


def _corrected(draw: np.random.Generator, share: float, true: Lines, last: Ints) -> Lines:
    """A wrong quantity, taken back in a later flow, where the right line follows: the true line moves to that flow."""
    rows = np.flatnonzero((true["kind"] != NONE) & (draw.random(len(true["day"])) < share))
    wrong = chosen(true, rows)
    wrong["quantity"] += 1
    back = {word: values.copy() for word, values in wrong.items()}
    back["quantity"] *= -1
    back["flow"] = np.minimum(back["flow"] + draw.integers(1, 7, len(rows)), last[rows])
    true["flow"][rows] = back["flow"]
    return joined([wrong, back])


def _surcharges(draw: np.random.Generator, setting: Setting, true: Lines) -> Lines:
    share, goods = setting.plan.tables["model"]["care"]["surcharge_share"], setting.catalogue
    visits = [goods.nature("consultation"), goods.nature("specialist")]
    rows = np.flatnonzero(np.isin(true["nature"], visits) & (draw.random(len(true["day"])) < share))
    extra = chosen(true, rows)
    extra["nature"][:], extra["surcharge"][:] = goods.nature("surcharge"), 2
    return extra


def _strangers(draw: np.random.Generator, calendar: Calendar, cards: Cards) -> Lines:
    """A few consultations under each card that is no person's."""
    card = np.repeat(np.flatnonzero(cards.person < 0), 3)
    return lines(card=card, day=draw.integers(calendar.first, calendar.last + 1, len(card)))


def _undate(draw: np.random.Generator, share: dict[str, float], whole: Lines, calendar: Calendar) -> dict[str, int]:
    """Sentinels instead of dates; an empty qualifier instead of 0. Changes ``whole``; only consultations lose their care date."""
    size = len(whole["day"])
    plain = (whole["kind"] == NONE) & (whole["surcharge"] == 0) & (whole["direct"] == 0)
    undated = plain & (draw.random(size) < share["undated"])
    whole["care_end"] = np.where(draw.random(size) < share["no_end_date"], NO_DATE_0001, whole["day"])
    ordered = whole["day"] - draw.integers(0, 9, size)
    whole["prescribed"] = np.where(draw.random(size) < share["no_prescription_date"], NO_DATE_0001, ordered)
    whole["month"] = calendar.month(whole["day"])
    whole["day"] = np.where(undated, NO_DATE_0001, whole["day"])
    for word in ("qualifier", "qualifier_service"):
        missing = (whole[word] == PLAIN) & (draw.random(size) < share["qualifier_missing"])
        whole[word] = np.where(missing, EMPTY, whole[word])
    return {"lines_without_care_date": int(undated.sum())}


class _Seen:
    """Dispensings that never happened, in living diabetics, of the studied drugs too: a reader that keeps them sees false users."""

    def __init__(self, draw: np.random.Generator, setting: Setting, world: tuple[People, Cards]) -> None:
        self.draw, self.setting = draw, setting
        self.people, self.cards = world
        drugs = setting.catalogue.kind[: setting.catalogue.canary] == DRUG
        self.packs = np.flatnonzero(drugs)
        able = self.people.consumer & (self.people.until > self.people.since)
        self.able = np.flatnonzero(able & self.people.diabetic)
        self.able = self.able if len(self.able) else np.flatnonzero(able)
        self.tail = int(setting.plan.tables["model"]["lag"]["tail"])

    def drug_lines(self, count: int) -> Lines:
        """``count`` drug lines without truth behind them."""
        who = self.draw.choice(self.able, count)
        since, until = self.people.since[who], self.people.until[who]
        day = since + (self.draw.random(count) * (until - since)).astype(np.int64)
        made = dispensed(self.setting, who, day, self.draw.choice(self.packs, count))
        made = under_cards(self.setting, self.people, self.cards, made)
        made["flow"] = self.setting.calendar.month(day) + self.draw.integers(1, 4, count)
        return made

    def cancelled(self, count: int) -> Lines:
        """A line and, in a later flow, the same with a negative quantity."""
        line = self.drug_lines(count)
        back = {word: values.copy() for word, values in line.items()}
        back["quantity"] *= -1
        late = self.draw.choice([1, 2, 3, 6, 12, self.tail - 3], count)
        back["flow"] += late
        return joined([line, back])

    def informed(self, count: int, both: float) -> Lines:
        """Lines sent for information only, by one qualifier or the other; some without nature as well."""
        line = self.drug_lines(count)
        kind = np.where(self.draw.random(count) < 0.7, INFORMED, INFORMED_ALSO)
        first = self.draw.random(count) < 0.6
        line["qualifier"] = np.where(first, kind, PLAIN)
        line["qualifier_service"] = np.where(first, PLAIN, kind)
        line["natureless"] = (self.draw.random(count) < both).astype(np.int64)
        return line
