# SPDX-License-Identifier: Apache-2.0
"""What the studies plant is what the delivery's lines and stays say: nothing lost on the way, nothing added that looks like it."""

from functools import cache

import numpy as np
import pytest

from rempart.adapters.delivery_writer import synthetic_tables
from rempart.synthetic.facts import net_quantities
from rempart.synthetic.large import make_large_world
from rempart.synthetic.plan import SyntheticPlan
from rempart.synthetic.planting import Planted
from rempart.synthetic.world import World

CASES = [("pioglitazone_bladder", 2012), ("mrna_myocarditis", 2020), ("valproate_malformations", 2014)]


@cache
def world(study: str, first: int) -> tuple[World, Planted]:
    plan = SyntheticPlan(
        persons=1200, first_year=first, last_year=first + 3, seed=5, population="france", whole=True, density=0.1,
        studies=(study,), mode="boost", tables=synthetic_tables(),
    )  # fmt: skip
    made = make_large_world(plan)
    assert made.planted is not None
    return made, made.planted


@pytest.mark.parametrize(("study", "first"), CASES)
def test_each_planted_stay_is_delivered_once_and_no_other_looks_like_one(study: str, first: int) -> None:
    made, planted = world(study, first)
    stays, forms = made.stays["mco"], made.forms
    principal, clean = forms.texts("principal")[stays["form"]], stays["dirt"] == 0
    codes = {form.principal for form in planted.forms} - {"Z511"}
    shown = clean & np.isin(principal, sorted(codes))
    mine = np.isin([form.principal for form in planted.forms], sorted(codes))[planted.stays.form]
    told = sorted(zip(planted.stays.person[mine].tolist(), planted.stays.day[mine].tolist(), strict=True))
    read = sorted(zip(stays["who"][shown].tolist(), stays["entry"][shown].tolist(), strict=True))
    # A stay that is open at the cut is not delivered.
    late = {(who, day) for who, day in told if day >= made.calendar.last - 15}
    assert set(read) <= set(told)
    assert set(told) - set(read) <= late
    assert len(read) == len(set(read))
    if planted.forms:
        assert len(read) > 20


@pytest.mark.parametrize(("study", "first"), CASES)
def test_the_net_dispensings_of_a_studys_drugs_are_those_planted(study: str, first: int) -> None:
    made, planted = world(study, first)
    given, calendar = planted.dispensings, made.calendar
    net = net_quantities(made, 0).to_pydict()
    codes = {pack.cip13 for pack in planted.packs}
    read = {
        (person, day, code)
        for person, day, code in zip(net["person"], net["day"], net["code"], strict=True)
        if code in codes
    }
    told = {
        (str(person), str(calendar.text(np.array([day]))[0]), planted.packs[pack].cip13)
        for person, day, pack in zip(given.person.tolist(), given.day.tolist(), given.pack.tolist(), strict=True)
    }
    # Lines whose date was lost are dirt; those are all that may differ.
    assert len(told - read) <= 0.005 * len(told)
    assert not read - told
    assert len(told) > (1000 if codes else -1)


def test_each_dose_has_its_line() -> None:
    made, planted = world("mrna_myocarditis", 2020)
    doses = planted.doses
    assert len(doses.person) > 1000
    assert (doses.day < made.people.until[doses.person]).all()


def test_each_malformation_is_told_of_the_child_whose_mother_took_the_drug() -> None:
    made, planted = world("valproate_malformations", 2014)
    stays, born = made.stays["mco"], made.born
    assert born is not None
    births = planted.births
    assert (born.births.mother == births.mother).all()
    assert (made.people.mother[born.child] == births.mother).all()
    assert (made.people.born[born.child] == births.day).all()
    codes = np.array(planted.malformations)
    ill = np.flatnonzero(births.malformation >= 0)
    assert len(ill) > 8
    for row in ill.tolist():
        own = np.flatnonzero((stays["who"] == born.child[row]) & (stays["dirt"] == 0))
        words = {made.forms.all[form].principal for form in stays["form"][own].tolist()}
        words |= {code for form in stays["form"][own].tolist() for code in made.forms.all[form].associated}
        end = births.day[row] + births.found[row] + 20
        alive = made.people.until[born.child[row]] > end and end < made.calendar.last
        assert codes[births.malformation[row]] in words or not alive
    healthy = np.flatnonzero(births.malformation < 0)
    told = np.array([bool(set(form.associated) & set(codes)) or form.principal in codes for form in made.forms.all])
    assert not told[stays["form"][np.isin(stays["who"], born.child[healthy])]].any()


def test_the_people_planted_in_die_when_the_study_says() -> None:
    for study, first in CASES:
        made, planted = world(study, first)
        last = made.calendar.last
        death = made.people.death[: len(planted.death)]
        assert (np.minimum(death, last + 1) == np.minimum(planted.death, last + 1)).all()
