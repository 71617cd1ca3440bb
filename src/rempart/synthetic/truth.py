# SPDX-License-Identifier: Apache-2.0
"""What was planted: the truth a loader and a study are scored against. From the simulated persons, never from the files."""

from typing import Any

import numpy as np
import pyarrow as pa

from rempart.synthetic.plan import NEVER, Calendar, Flags, Ints, SyntheticPlan
from rempart.synthetic.population import ARM_NAMES, COMPARATOR, TARGET
from rempart.synthetic.tally import DETAILS, best_resolution, card_rules, claim_rules, combinations, stay_rules
from rempart.synthetic.world import World

_LATEST = "latest_flow_lag_months"


class TruthBook:
    """Adds the truth of one block of persons to that of the blocks before."""

    def __init__(self, plan: SyntheticPlan) -> None:
        self.plan = plan
        self.arms: dict[str, dict[str, Any]] = {}
        self.identities: dict[str, Any] = {}
        self.defects: dict[str, int] = {}
        self.rules: dict[str, dict[str, int]] = {}
        self.canaries: list[str] = []
        self.persons = 0

    def add(self, world: World, more: dict[str, int]) -> None:
        """Count a block. ``more``: defects counted while its files were prepared."""
        for arm in (TARGET, COMPARATOR):
            _add(self.arms.setdefault(ARM_NAMES[arm], {}), arm_truth(world, arm))
        _add(self.identities, identity_counts(world))
        self.persons += len(world.people)
        late = max(self.defects.get(_LATEST, 0), world.counts[_LATEST])
        _add(self.defects, world.counts | more)
        self.defects[_LATEST] = late
        _add(self.rules, rules_met(world))
        self.canaries += world.canaries.texts() if world.canaries else []

    def told(self, lines: dict[str, int], files: dict[str, int]) -> dict[str, Any]:
        """The content of ``truth.json``. ``lines``: rows written by table, ``files``: rows by file, counted by their writer."""
        plan = self.plan
        model = plan.tables["model"]["outcome"]
        return {
            "schema": "rempart.synthetic-truth/1",
            "seed": plan.seed, "years": [plan.first_year, plan.last_year], "persons": plan.persons,
            "planted_hazard_ratio": plan.effect,
            "effect": {
                "target": plan.tables["codes"]["packs"][0]["atc"],
                "estimand": "initiation: constant from the day after the first dispensing",
                "confounders": ["age", "sex"], "slope_per_year_of_age": model["slope"], "hazard_ratio_men": model["men"],
            },
            "arms": {arm: _finished(told) for arm, told in self.arms.items()},
            "identities": self.identities, "rules": self.rules, "defects": self.defects, "lines": lines, "files": files,
            "canaries": self.canaries,
            "notes": [
                "new users start from the second year delivered; prevalent users have dispensings in the first year",
                "flows run from the second month of the first year to 27 months after the last year: no line is lost to the cut",
                "stays are delivered by year of discharge: those open at the end of the last year are not",
            ],
        }  # fmt: skip


def _add(whole: dict[str, Any], part: dict[str, Any]) -> None:
    for word, value in part.items():
        if isinstance(value, dict):
            _add(whole.setdefault(word, {}), value)
        else:
            whole[word] = whole.get(word, 0) + value


def _finished(told: dict[str, Any]) -> dict[str, Any]:
    """Sums over blocks as they are told: rounded, and a sum of ages as their mean."""
    mean = round(told["sum_of_ages"] / told["at_risk"], 2) if told["at_risk"] else None
    rest = {word: value for word, value in told.items() if word != "sum_of_ages"}
    return rest | {"person_years": round(told["person_years"], 3), "mean_age": mean}


def arm_truth(world: World, arm: int) -> dict[str, Any]:
    """New users of one arm and what befell them after time zero, to death or the end of the last year."""
    people, last = world.people, world.calendar.last
    new = (people.arm == arm) & people.fresh
    free = new & (people.event > people.start)
    event = free & (people.event <= np.minimum(people.death, last))
    end = np.minimum(np.minimum(people.event, people.death), last)
    alone = people.twin < 0
    return {
        "new_users": int(new.sum()), "with_outcome_before": int((new & ~free).sum()), "at_risk": int(free.sum()),
        "events": int(event.sum()), "events_with_act": int((event & people.act).sum()),
        "person_years": float((end - people.start)[free].sum() / 365.25),
        "without_twins": {"at_risk": int((free & alone).sum()), "events": int((event & alone).sum())},
        "prevalent_users": int(((people.arm == arm) & ~people.fresh).sum()),
        "men": int((free & (people.sex == 1)).sum()),
        "sum_of_ages": int(_age_at_start(world)[free].sum()),
    }  # fmt: skip


def _age_at_start(world: World) -> Ints:
    start = np.minimum(world.people.start, world.calendar.last)
    return world.calendar.years[start] - world.people.birth_year


def identity_counts(world: World) -> dict[str, Any]:
    """Persons by kind of identity. A split person shares no key with itself: no loader can join it from the delivery."""
    people, cards = world.people, world.cards
    mine = cards.person >= 0
    held = np.bincount(cards.person[mine], minlength=len(people))
    split = (held > 1) & (np.bincount(cards.person[mine & ~cards.certified], minlength=len(people)) > 0)
    return {
        "true_persons": len(people), "cards": len(cards.person), "persons_with_several_pseudonyms": int((held > 1).sum()),
        "split_persons": int(split.sum()), "never_certified_persons": int(_never(world, held).sum()),
        "twins_sharing_a_pseudonym": int((people.twin >= 0).sum()),
        "fictive_cards": int(np.isin(cards.kind, world_fictive(world)).sum()),
        "unusable_cards": int(((cards.birth_year == 1600) | (cards.sex == 9)).sum()),
        "resolvable_persons": len(np.unique(cards.key[mine])),
        "best_resolution": best_resolution(cards, world.resolved, len(people)),
    }  # fmt: skip


def rules_met(world: World) -> dict[str, dict[str, int]]:
    """By table, lines by the set of rules they meet."""
    cards, block = world.cards, world.lines
    claims = claim_rules(cards, block)
    told = {"claims": combinations(len(block["day"]), claims)}
    for table, kind in DETAILS.items():
        rows = block["kind"] == kind
        if rows.any():
            told[table] = combinations(int(rows.sum()), {rule: flags[rows] for rule, flags in claims.items()})
    for field, stays in world.stays.items():
        told[f"{field}_stays"] = combinations(len(stays["who"]), stay_rules(field, cards, world.shared, stays))
    told["cards"] = combinations(len(cards.person), card_rules(cards, world_fictive(world)))
    return told


def _never(world: World, held: Ints) -> Flags:
    return np.asarray((held == 1) & ~world.cards.certified[world.cards.first_of])


def world_fictive(world: World) -> list[str]:
    """Kinds of identifier that stand for nobody in this delivery."""
    mine = world.cards.person >= 0
    return sorted(set(world.cards.kind[~mine].tolist()) - set(world.cards.kind[mine].tolist()))


def persons_table(world: World, first: int = 0) -> pa.Table:
    """One row a true person, all text, numbered from ``first``: identities (``psa:rank:key``, joined by ``|``), dates."""
    people, cards, calendar = world.people, world.cards, world.calendar
    mine = cards.person >= 0
    texts = np.char.add(np.char.add(np.char.add(cards.psa, ":"), cards.rank.astype(str)), np.char.add(":", cards.key))
    held: list[list[str]] = [[] for _ in range(len(people))]
    for person, text in zip(cards.person[mine].tolist(), texts[mine].tolist(), strict=True):
        held[person].append(text)
    numbers = {"person": first + np.arange(len(people)), "sex": people.sex, "birth_year": people.birth_year}
    columns = {word: values.astype(str) for word, values in numbers.items()}
    columns["identities"] = np.array(["|".join(cards_of) for cards_of in held])
    columns["arm"] = np.array(ARM_NAMES)[people.arm]
    for word, flags in {"new_user": people.fresh, "event_with_act": people.act, "twin": people.twin >= 0}.items():
        columns[word] = flags.astype(np.int64).astype(str)
    for word, days in {"time_zero": people.start, "event": people.event, "death": people.death}.items():
        columns[word] = _dates(calendar, days)
    return pa.table({word: pa.array(values.astype(object), type=pa.string()) for word, values in columns.items()})


def _dates(calendar: Calendar, days: Ints) -> Any:
    return calendar.text(np.where(days == NEVER, -4, days))
