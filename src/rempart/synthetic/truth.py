# SPDX-License-Identifier: Apache-2.0
"""What was planted: the truth a loader and a study are scored against. From the simulated persons, never from the files.

``truth.json`` (schema ``rempart.synthetic-truth/2``):
``identities``  true_persons, cards, fictive_cards, unusable_cards, twins_sharing_a_pseudonym, …; ``best_resolution``: persons (as
                the delivered keys allow: cards joined by person key and by card, the archive included), split_persons and their
                two causes, true_persons_wrongly_joined; ``irreducible_share`` of the true persons.
``rules``       by table, lines by the set of rules they meet: {"": kept, "D1": n, "D1+D3": n, …}. Any order of rules, first hits
                and overlaps follow from it. Tables: claims; drugs, hospital_drugs, claim_acts, labs, devices (a detail meets what
                its main line meets); <field>_stays (mco, ssr, had, rip, ace); cards; archived_cards; conditions; deaths; acts.
                Rules: D1 information only, D2 direct billing, D3 no nature, D4 surcharge, T1 no care date, R1 card of nobody;
                P1 … P8b as in the reference, R2 pseudonym of several resolved persons; B1 the card stands in the register too,
                B2 fictive, B3 no sex, B4 no year of birth; A1 ground that is no condition; C1 certificate not linked;
                P9 second phase, P10 anaesthetist beside the surgeon (acts of MCO).
``defects``     every planted defect by name. ``lines``, ``files``: rows by table and by file.
``net``         by kind, rows and quantity of truth_net.csv.gz. ``studies``: by study (studies_truth.py).
``planted_hazard_ratio``, ``effect``, ``arms``  of the small population alone, in which they are planted.
Beside it: ``truth_persons.csv.gz`` (a true person a row: identities ``psa:rank:key``, ``resolved`` numbers in the same order, dates),
and of a whole delivery ``truth_net.csv.gz`` (person, resolved, day, kind, code, quantity, over lines that D1, D2, D3, T1 and R1 leave),
``truth_stays.csv.gz`` (every delivered stay, its dates, principal diagnosis and rules; ambulatory acts of psychiatry too, as field
``rip_ambulatory`` on the first of their month), ``truth_studies.csv.gz``.
"""

from typing import Any

import numpy as np

from rempart.synthetic.plan import Flags, Ints, SyntheticPlan
from rempart.synthetic.population import ARM_NAMES, COMPARATOR, TARGET
from rempart.synthetic.potential import Progress
from rempart.synthetic.stay_frames import acts_frame
from rempart.synthetic.studies_truth import StudyBook, demo_truth
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
        self.net: dict[str, Any] = {}
        self.persons = 0
        asked = plan.studies and plan.tables["studies"]
        self.studies = (
            StudyBook(
                plan.tables["studies"], plan.tables.get("marginal", {}), plan.studies, plan.mode, plan.study_effect
            )
            if asked
            else None
        )

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
        other = more["grounds_that_are_no_condition"]
        _add(self.rules, {"conditions": {"": more["condition_codes_padded"] - other, "A1": other}})
        if self.studies and world.planted:
            self.studies.add(world.planted, world.calendar)
        self.canaries += world.canaries.texts() if world.canaries else []

    def add_net(self, totals: dict[str, Any]) -> None:
        """Add what ``facts.net_totals`` says of a block."""
        _add(self.net, totals)

    def told(self, lines: dict[str, int], files: dict[str, int], progress: Progress | None = None) -> dict[str, Any]:
        """The content of ``truth.json``. ``lines``: rows written by table, ``files``: rows by file, counted by their writer;
        ``progress``: of marginal truths that are not kept (``potential.simulate``)."""
        plan = self.plan
        return {
            "schema": "rempart.synthetic-truth/2",
            "seed": plan.seed, "years": [plan.first_year, plan.last_year], "persons": plan.persons,
            **(self._question(progress) if plan.population == "study" else {}),
            "identities": self.identities | {"irreducible_share": self._irreducible()}, "rules": self.rules,
            "defects": self.defects, "lines": lines, "files": files,
            "canaries": self.canaries, "population": plan.population, "mode": plan.mode, "whole": plan.whole,
            "density": plan.density, "net": self.net, "studies": self.studies.told(progress) if self.studies else {},
            "notes": [
                "new users start from the second year delivered; prevalent users have dispensings in the first year",
                "flows run from the second month of the first year to 27 months after the last year: no line is lost to the cut",
                "stays are delivered by year of discharge: those open at the end of the last year are not",
            ],
        }  # fmt: skip

    def _question(self, progress: Progress | None) -> dict[str, Any]:
        """The effect planted in the small population; in no other is it planted."""
        plan = self.plan
        model = plan.tables["model"]["outcome"]
        return {
            "planted_hazard_ratio": plan.effect,
            "effect": {
                "target": plan.tables["codes"]["packs"][0]["atc"],
                "estimand": "initiation: constant from the day after the first dispensing",
                "confounders": ["age", "sex"], "slope_per_year_of_age": model["slope"], "hazard_ratio_men": model["men"],
                "marginal": demo_truth(plan.tables, plan.effect, progress),
            },
            "arms": {arm: _finished(told) for arm, told in self.arms.items()},
        }  # fmt: skip

    def _irreducible(self) -> float:
        told = self.identities
        return round(float(told["best_resolution"]["split_persons"]) / max(int(told["true_persons"]), 1), 6)


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
    told["acts"] = act_rules(world)
    return told | register_rules(world)


def act_rules(world: World) -> dict[str, int]:
    """Of the acts of MCO: the rules of their stay, then those of the act."""
    stays = world.stays["mco"]
    frame, row = acts_frame(world.setting, stays, world.forms)
    every = slice(0, len(row))
    phase, activity = (np.array(frame[word](every).to_pylist(), dtype=str) for word in ("phase", "activity"))
    met = {rule: flags[row] for rule, flags in stay_rules("mco", world.cards, world.shared, stays).items()}
    return combinations(len(row), met | {"P9": phase == "2", "P10": activity == "4"})


def register_rules(world: World) -> dict[str, dict[str, int]]:
    """The same of cards, their archive, and death certificates."""
    cards, deaths = world.cards, world.deaths
    judged = card_rules(cards, world_fictive(world))
    here = ~cards.archived
    told = {"cards": combinations(int(here.sum()), {rule: flags[here] for rule, flags in judged.items()})}
    if world.setting.plan.whole:
        rows = np.concatenate([np.flatnonzero(cards.archived), np.flatnonzero(cards.archived_twice)])
        again = np.arange(len(rows)) >= int(cards.archived.sum())
        told["archived_cards"] = combinations(len(rows), {"B1": again})
    told["deaths"] = combinations(int(deaths.died.sum()), {"C1": ~deaths.linked[deaths.died]})
    return told


def _never(world: World, held: Ints) -> Flags:
    return np.asarray((held == 1) & ~world.cards.certified[world.cards.first_of])


def world_fictive(world: World) -> list[str]:
    """Kinds of identifier that stand for nobody in this delivery."""
    mine = world.cards.person >= 0
    return sorted(set(world.cards.kind[~mine].tolist()) - set(world.cards.kind[mine].tolist()))
