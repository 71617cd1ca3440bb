# SPDX-License-Identifier: Apache-2.0
"""The world of a whole delivery: the large population, or the small one with all the care and tables around its question."""

from dataclasses import replace

import numpy as np

from rempart.synthetic.care import ordinary_care, planted_care, with_diseases
from rempart.synthetic.catalogue import Catalogue
from rempart.synthetic.claims import Lines, joined, study_lines, under_cards
from rempart.synthetic.demography import (
    draw_births,
    draw_people,
    protected,
    with_children,
    yearly_homes,
    yearly_mortality,
)
from rempart.synthetic.fields import particle_field
from rempart.synthetic.hospital import Deliveries, direct_billing, linked_births, outpatient_visits, true_stays
from rempart.synthetic.identities import make_cards
from rempart.synthetic.plan import Ints, SyntheticPlan
from rempart.synthetic.planting import Births, Block, Environment, Planted, StayForm, empty_planted
from rempart.synthetic.population import People, make_people
from rempart.synthetic.setting import Setting, make_setting
from rempart.synthetic.stays import Forms, delivered_stays, study_stays
from rempart.synthetic.studies import eligible_people, plant
from rempart.synthetic.world import World, finished

# Inhabitants per km² of the density classes of the communes.
_PER_KM2 = (30.0, 150.0, 1500.0, 6000.0)


def make_large_world(plan: SyntheticPlan) -> World:
    """Draw the world of a whole delivery, or of one of its blocks. Deterministic."""
    setting = make_setting(plan)
    people, planted, births = _people(setting)
    setting = replace(setting, catalogue=Catalogue(plan, planted.packs))
    people = with_diseases(setting, people) if not people.ill else people
    born = linked_births(setting, births, len(people))
    people = with_children(setting, people, births)
    cards = make_cards(setting, people)
    stays, forms = true_stays(setting, people, planted, born)
    care = [ordinary_care(setting, people), planted_care(setting, people, planted)]
    if plan.population == "study":
        care.append(study_lines(setting, people))
        stays["mco"], forms = _joined_stays(setting, people, stays["mco"], forms)
    stays["ace"] = outpatient_visits(setting, people)
    delivered: dict[str, Lines] = {}
    counts: dict[str, int] = {}
    for field, true in stays.items():
        delivered[field], more = delivered_stays(setting, (people, cards), true, field, forms.outcomes)
        counts |= more
    counts |= _study_options(delivered["mco"], forms)
    direct = direct_billing(setting, delivered["ace"], delivered["mco"])
    counts["lines_billed_directly_by_hospitals"] = len(direct["who"])
    lines = under_cards(setting, people, cards, joined([*care, direct]))
    made = finished(setting, (people, cards), lines, delivered, forms, counts | _people_counts(setting, people, born))
    return replace(made, born=born, planted=planted)


def _people(setting: Setting) -> tuple[People, Planted, Births]:
    """Everybody but the children born in the years delivered; what the studies plant; the births."""
    plan = setting.plan
    if plan.population == "study":
        people = make_people(setting)
        return people, empty_planted(people.death), draw_births(setting, people)
    people, group = _drawn(setting)
    births = draw_births(setting, people)
    if not plan.studies:
        return people, empty_planted(people.death), births
    block = Block(
        sex=people.sex, born=people.born, death=people.death,
        diseases={name: day <= setting.calendar.first for name, day in people.ill.items()}, group=group,
        homes=yearly_homes(setting, people), mortality=yearly_mortality(setting, people),
        births=None if group is not None else births,
    )  # fmt: skip
    planted = plant(
        plan.tables["studies"], plan.studies, block, setting.calendar, plan.stream("studies"),
        mode=plan.mode, effect=plan.study_effect, environment=particles(setting),
    )  # fmt: skip
    births = planted.births if len(planted.births.mother) else births
    return protected(setting, people, planted), planted, births


def _drawn(setting: Setting) -> tuple[People, Ints | None]:
    """The people of the pyramid, or those eligible for the one study of the modes ``cohort`` and ``boost``."""
    plan = setting.plan
    if plan.mode == "population" or not plan.studies:
        return with_diseases(setting, draw_people(setting)), None
    draw = plan.stream("eligible")
    told = eligible_people(plan.tables["studies"], plan.studies[0], plan.mode, plan.persons, draw)
    people = with_diseases(setting, draw_people(setting, (told.sex, told.age)))
    ill = dict(people.ill)
    for name, flags in told.diseases.items():
        ill[name] = np.where(flags, setting.calendar.first - 400, ill.get(name, people.leave))
    return replace(people, ill=ill), told.group


def particles(setting: Setting) -> Environment:
    """Fine particles by commune and year: the same for every block."""
    plan, places = setting.plan, setting.places
    draw, years = replace(plan, block=0).stream("environment"), range(plan.first_year, plan.last_year + 1)
    density = np.array(_PER_KM2)[places.dense]
    return particle_field(plan.tables["studies"], (places.department.tolist(), density), list(years), draw)


def _joined_stays(setting: Setting, people: People, stays: Lines, forms: Forms) -> tuple[Lines, Forms]:
    """The ordinary stays and those of the small population's question, under one list of forms."""
    own, more = study_stays(setting, people)
    shift = len(forms.all)
    for form in more.all:
        forms.add(StayForm(principal=form.principal, related=form.related, acts=form.acts, group=form.group))
    own["form"] = own["form"] + shift
    forms.outcomes += [shift + number for number in more.outcomes]
    return joined([stays, own]), forms


def _study_options(stays: Lines, forms: Forms) -> dict[str, int]:
    """Stays that a study may leave out (rule P7): abortions, and stays that nobody reimburses."""
    abortion = forms.texts("group")[stays["form"]] == "14Z08Z"
    unpaid = np.isin(stays["form"], [number for number, tariff in forms.tariffs.items() if tariff == "9999"])
    return {"stays_of_abortion": int(abortion.sum()), "stays_not_reimbursed": int(unpaid.sum())}


def _people_counts(setting: Setting, people: People, born: Deliveries) -> dict[str, int]:
    late = people.since > setting.calendar.first
    return {
        "births": len(born.child), "births_without_link": int((~born.linked).sum()),
        "emigrants": int((people.leave < people.death).sum()), "non_consumers": int((~people.consumer).sum()),
        "persons_who_come_late": int((late & (people.since != people.born)).sum()),
        "persons_of_late_schemes": int((late & (people.scheme > 0) & (people.since != people.born)).sum()),
        "moves": int((people.moved < people.until).sum()),
    }  # fmt: skip
