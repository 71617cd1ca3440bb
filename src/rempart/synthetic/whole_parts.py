# SPDX-License-Identifier: Apache-2.0
"""The parts of a whole delivery, table by table: registers of persons, vaccine doses, every field of hospitals, reference files."""

from collections.abc import Iterator

import numpy as np

from rempart.synthetic.cells import Frame, coded, counted, dated, given, monthly
from rempart.synthetic.certificates import certificates
from rempart.synthetic.frames import card_cells
from rempart.synthetic.hospital import pregnancies
from rempart.synthetic.hospital_frames import (
    Part,
    birth_cells,
    home_parts,
    outpatient_parts,
    psychiatry_parts,
    rehabilitation_parts,
    ward_parts,
)
from rempart.synthetic.large import particles
from rempart.synthetic.leaks import labels
from rempart.synthetic.plan import NO_DATE_2099, Ints
from rempart.synthetic.registers import archived, beneficiaries, conditions
from rempart.synthetic.stay_frames import acts_frame, diagnoses_frame, mco_frame, no_births, stay_cells
from rempart.synthetic.world import World

_OLD = 80


def register_parts(world: World) -> tuple[dict[str, tuple[Frame, int]], dict[str, int]]:
    """Cards, their archive, long-term conditions, maternity, care homes: frame and rows; and their defects."""
    setting, both, words = world.setting, (world.people, world.cards), world.words
    frame, rows, counts = beneficiaries(setting, both, words, world.deaths)
    parts = {"beneficiaries": (frame, rows)}
    frame, rows, more = archived(setting, world.cards, words)
    parts["archived_beneficiaries"] = (frame, rows)
    counts |= more
    frame, rows, more = conditions(setting, both, words)
    parts["conditions"] = (frame, rows)
    parts["maternity"] = _maternity(world)
    parts["homes"] = _homes(world)
    return parts, counts | more


def leaks_planted(world: World) -> dict[str, int]:
    """How many names, numbers, telephones and addresses the free text of causes holds."""
    if not world.setting.plan.leaks:
        return {}
    _, _, _, of = certificates(world.setting, (world.people, world.cards), world.words, world.deaths)
    return labels(world.setting.plan, len(of))[1]


def _maternity(world: World) -> tuple[Frame, int]:
    """The register of maternity: who, the presumed start of the pregnancy, the month the benefits end."""
    if world.born is None:
        return card_cells(world.setting, world.cards, np.zeros(0, dtype=np.int64), world.words), 0
    calendar = world.setting.calendar
    who, conceived, until = pregnancies(world.born.births, world.people)
    card = world.cards.at(who, np.maximum(conceived, calendar.first))
    return card_cells(world.setting, world.cards, card, world.words) | {
        "person_key": given(world.cards.key[card]), "conceived": dated(calendar, conceived),
        "month": monthly(calendar.month(until)),
    }, len(who)  # fmt: skip


def _homes(world: World) -> tuple[Frame, int]:
    """Care homes with an internal pharmacy: very old people, from a day on; their drugs are seen nowhere. Incomplete, as the true one."""
    numbers, calendar, people = (
        world.setting.plan.tables["care"]["hospital"]["homes"],
        world.setting.calendar,
        world.people,
    )
    draw, share = (
        world.setting.plan.stream("homes of care"),
        world.setting.plan.tables["demography"]["persons"]["in_home"],
    )
    old = (people.age > _OLD) & (people.until > people.since)
    who = np.flatnonzero(old & (draw.random(len(people)) < share))
    first = people.since[who] + (draw.random(len(who)) * (people.until - people.since)[who]).astype(np.int64)
    home = draw.integers(0, len(numbers), len(who))
    left = np.where(people.death[who] <= calendar.last, people.death[who], NO_DATE_2099)
    return card_cells(world.setting, world.cards, world.cards.at(who, first), world.words) | {
        "facility": coded(numbers, home), "tariff": coded(["40", "44"], home % 2),
        "first": dated(calendar, first), "last": dated(calendar, left),
    }, len(who)  # fmt: skip


def dose_parts(world: World) -> dict[str, tuple[Frame, Ints]]:
    """Vaccine doses of the planted studies, sorted by month."""
    planted, people, calendar = world.planted, world.people, world.setting.calendar
    if planted is None or not len(planted.doses.person):
        return {}
    doses = planted.doses
    rows = np.flatnonzero(doses.day < people.until[doses.person])
    rows = rows[np.argsort(doses.day[rows], kind="stable")]
    card = world.cards.at(doses.person[rows], doses.day[rows])
    frame = card_cells(world.setting, world.cards, card, world.words) | {
        "day": dated(calendar, doses.day[rows]), "rank": counted(doses.rank[rows]),
        "product": coded(planted.vaccines, doses.product[rows]),
    }  # fmt: skip
    return {"doses": (frame, calendar.month(doses.day[rows]))}


def field_parts(world: World) -> dict[str, Part]:
    """Every yearly table of the hospitals and of CépiDc."""
    setting, both, words, forms = world.setting, (world.people, world.cards), world.words, world.forms
    own = {
        field: stay_cells(setting, both, words, stays, forms) for field, stays in world.stays.items()
    }  # fmt: skip
    mco = world.stays["mco"]
    births = no_births(mco) if world.born is None else birth_cells(setting, world.cards, mco, world.born)
    whole = mco_frame(setting, own["mco"], mco, forms, births)
    parts: dict[str, Part] = {"chaining": (whole, mco["year"]), "stays": (whole, mco["year"])}
    for table, (frame, row) in {
        "diagnoses": diagnoses_frame(setting, mco, forms), "acts": acts_frame(setting, mco, forms),
    }.items():  # fmt: skip
        parts[table] = (frame, mco["year"][row])
    parts |= ward_parts(setting, mco, forms)
    parts |= outpatient_parts(setting, own["ace"], world.stays["ace"])
    parts |= rehabilitation_parts(setting, own["ssr"], world.stays["ssr"], forms)
    parts |= home_parts(setting, own["had"], world.stays["had"])
    parts |= psychiatry_parts(setting, own["rip"], world.stays["rip"])
    frame, years, causes, of = certificates(setting, both, words, world.deaths)
    return parts | {"certificates": (frame, years), "causes": (causes, of)}


def reference_parts(world: World) -> Iterator[tuple[str, str, Frame, int]]:
    """Table, period, frame and rows: merges of communes, inhabitants at the end of the years, fine particles by year."""
    plan, places = world.setting.plan, world.setting.places
    merged = np.flatnonzero(places.into != np.arange(len(places)))
    when = np.array([day for *_, day in plan.tables["places"]["merged"]])
    order = np.argsort([before for before, *_ in plan.tables["places"]["merged"]])
    yield "commune_history", "", {
        "day": given(when[order]), "before": given(np.sort(places.insee[merged])),
        "after": given(places.insee[places.into[merged]][np.argsort(places.insee[merged])]),
    }, len(merged)  # fmt: skip
    pyramid = plan.tables["demography"]["pyramid"]
    bands = np.array([pyramid["men"], pyramid["women"]], dtype=float)
    place, sex, band = (cells.ravel() for cells in np.indices((len(places), *bands.shape)))
    people = np.round(bands[sex, band] * 1000 * places.share[place]).astype(np.int64)
    yield "populations", str(plan.last_year), {
        "place": coded(places.insee, place), "sex": counted(sex + 1), "age": counted(band * 5),
        "people": counted(people),
    }, len(place)  # fmt: skip
    field = particles(world.setting)
    for number, year in enumerate(range(plan.first_year, plan.last_year + 1)):
        size = len(places)
        yield "particles", str(year), {
            "place": given(places.insee), "day": coded([str(year)], np.zeros(size, dtype=np.int64)),
            "value": given(field.values[:, number].astype(np.str_)), "unit": coded([field.unit], np.zeros(size, dtype=np.int64)),
        }, size  # fmt: skip
