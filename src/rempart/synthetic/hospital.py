# SPDX-License-Identifier: Apache-2.0
"""Stays of every field in the large population: ordinary ones, births, those of the planted studies, last ones, outpatient visits."""

from dataclasses import dataclass

import numpy as np

from rempart.synthetic.care import happening
from rempart.synthetic.catalogue import HOSPITAL_DRUG
from rempart.synthetic.claims import Lines, chosen, joined, lines
from rempart.synthetic.plan import Flags, Ints
from rempart.synthetic.planting import Births, Planted, StayForm
from rempart.synthetic.population import People
from rempart.synthetic.setting import Setting
from rempart.synthetic.stays import Forms, last_stays, stay_lines

FIELDS = ("mco", "ssr", "had", "rip")
_CHILDBED = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Births of the block: ``child`` is the child's place among the people; ``linked``: the tables say whose child it is."""

    births: Births
    child: Ints
    linked: Flags


def true_stays(setting: Setting, people: People, planted: Planted, born: Deliveries) -> tuple[dict[str, Lines], Forms]:
    """All stays as they were, by field, and their forms."""
    forms = Forms(planted.forms)
    forms.outcomes = list(range(len(planted.forms)))
    made: dict[str, list[Lines]] = {field: [] for field in FIELDS}
    for number, rule in enumerate(setting.plan.tables["care"]["stays"]):
        draw = setting.plan.stream("stay", str(number))
        acts = (rule["act"],) if "act" in rule else ()
        form = forms.add(
            StayForm(principal=rule["principal"], related=rule.get("related", ""), group=rule["group"], acts=acts),
            rule.get("tariff", ""),
        )
        who, day = happening(setting, people, rule, draw)
        made[rule["field"]].append(stay_lines(draw, who, day, form, float(rule["nights"])))
    made["mco"] += _births(setting, people, planted, born, forms)
    made["mco"].append(_planted(setting, people, planted))
    last = np.full(len(people), len(planted.forms))
    made["mco"].append(last_stays(setting.plan.stream("last stays"), setting, people, last))
    whole = {field: _within(setting, people, joined(blocks)) for field, blocks in made.items()}
    ssr = whole["ssr"]
    ssr["entry"] = np.maximum(ssr["entry"], setting.calendar.first_of(setting.calendar.years[ssr["exit"]] * 12))
    return whole, forms


def _within(setting: Setting, people: People, stays: Lines) -> Lines:
    """Stays of people in sight; one that would end after emigration ends with it."""
    who = stays["who"]
    kept = chosen(stays, (stays["entry"] < people.until[who]) & (stays["entry"] >= people.since[who]))
    kept["exit"] = np.minimum(kept["exit"], people.leave[kept["who"]])
    return kept


def _births(setting: Setting, people: People, planted: Planted, born: Deliveries, forms: Forms) -> list[Lines]:
    """The mother's delivery, the child's birth, and later stays that find a malformation."""
    rule, draw = setting.plan.tables["care"]["hospital"], setting.plan.stream("births", "stays")
    births, size = born.births, len(born.births.mother)
    own, child = rule["delivery"], rule["birth"]
    delivery = forms.add(StayForm(
        principal=own["principal"], associated=(own["associated"],), acts=(own["act"],), group=own["group"]
    ))  # fmt: skip
    plain = forms.add(StayForm(principal=child["principal"], group=child["group"]))
    told = [
        forms.add(StayForm(principal=child["principal"], associated=(code,), group=child["group"]))
        for code in planted.malformations
    ]
    later = [forms.add(StayForm(principal=code, group="06M05T")) for code in planted.malformations]
    number, night = np.arange(size), np.full(size, int(own["nights"]))
    mothers = stay_lines(draw, births.mother, births.day, delivery, night, baby=number)
    first = np.append(True, (np.diff(births.mother) != 0) | (np.diff(births.day) != 0))[:size]
    at_birth = (births.malformation >= 0) & (births.found == 0)
    form = np.where(at_birth, np.array([*told, plain])[births.malformation], plain)
    children = stay_lines(draw, born.child, births.day, form, night, baby=size + number)
    # A child is born where its mother lies; twins have one delivery.
    children["facility"] = mothers["facility"][np.maximum.accumulate(np.where(first, number, 0))]
    found = np.flatnonzero((births.malformation >= 0) & (births.found > 0))
    again = np.array([*later, plain])[births.malformation[found]]
    return [
        chosen(mothers, first), children,
        stay_lines(draw, born.child[found], births.day[found] + births.found[found], again, 4.0),
    ]  # fmt: skip


def _planted(setting: Setting, people: People, planted: Planted) -> Lines:
    draw, given = setting.plan.stream("planted stays"), planted.stays
    nights = np.array([form.nights for form in planted.forms] or [0])[given.form]
    made = stay_lines(draw, given.person, given.day, given.form, nights)
    made["mortal"][:] = 0
    return made


def outpatient_visits(setting: Setting, people: People) -> Lines:
    """Visits to hospitals: ``service`` is a place in ``care.outpatient``; entry and exit are one day."""
    rules, blocks = setting.plan.tables["care"]["outpatient"], []
    for number, rule in enumerate(rules):
        draw = setting.plan.stream("outpatient", rule["act"])
        who, day = happening(setting, people, rule, draw)
        blocks.append(stay_lines(draw, who, day, 0, 0.0, service=np.full(len(who), number)))
    return joined(blocks) | {"outpatient": np.zeros(sum(len(block["who"]) for block in blocks), dtype=np.int64)}


def direct_billing(setting: Setting, visits: Lines, stays: Lines) -> Lines:
    """Claims by which public hospitals bill what PMSI tells already: repeated visits, and drugs of stays. By person."""
    goods, shares = setting.catalogue, setting.plan.tables["model"]["stay_dirt"]["direct"]
    draw, drugs = setting.plan.stream("direct"), np.flatnonzero(setting.catalogue.kind[: goods.canary] == HOSPITAL_DRUG)

    def repeated(block: Lines) -> tuple[Ints, Ints, Ints]:
        years = setting.calendar.years[block["exit"]]
        share = np.array(shares)[np.searchsorted([2012, 2014, 2016], years)]
        rows = (draw.random(len(years)) < share) & (block["entry"] >= setting.calendar.first) & (block["dirt"] == 0)
        return block["who"][rows], block["entry"][rows], block["facility"][rows]

    who, day, facility = repeated(visits)
    seen = lines(who=who, day=day, facility=facility, direct=2, nature=goods.nature("consultation"))
    who, day, facility = repeated(stays)
    item = draw.choice(drugs, len(who))
    nature = goods.nature("handed_out")
    given = lines(who=who, day=day, facility=facility, direct=2, nature=nature, item=item, kind=HOSPITAL_DRUG)
    return joined([seen, given])


def pregnancies(births: Births, people: People) -> tuple[Ints, Ints, Ints]:
    """Who was pregnant, from and to which day: for the register of maternity. Once for twins."""
    first = np.append(True, (np.diff(births.mother) != 0) | (np.diff(births.day) != 0))[: len(births.mother)]
    return births.mother[first], births.conceived[first], births.day[first] + _CHILDBED


def linked_births(setting: Setting, births: Births, first_child: int) -> Deliveries:
    """The births of a block; a share of them without the link of mother and child."""
    size = len(births.mother)
    unlinked = (
        setting.plan.stream("births", "links").random(size) < setting.plan.tables["demography"]["births"]["unlinked"]
    )
    return Deliveries(births=births, child=first_child + np.arange(size), linked=~unlinked)
