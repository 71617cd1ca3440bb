# SPDX-License-Identifier: Apache-2.0
"""One seed as the tables of a project, under their OMOP names: what ingest and grant would have left of a delivery without dirt.

Skips writing and reading a delivery, sealing, netting, the person rule, the hospital filters and the permit: ``whole`` goes that way.
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np
import pyarrow as pa

from recovery.persons import PLACES, Scene, year_starts
from rempart.synthetic.plan import Ints
from rempart.synthetic.planting import StayForm

Tables = dict[str, pa.Table]
_INPATIENT = 9201


def project_tables(scene: Scene) -> Tables:
    """Persons are numbered from 1, as in the block."""
    return {
        "person": _persons(scene),
        "observation_period": _observed(scene),
        "death": _deaths(scene),
        "drug_exposure": _drugs(scene),
        **_stays(scene),
        "location_history": _homes(scene),
        **({"external_exposure": _particles(scene)} if scene.field else {}),
    }


def date(scene: Scene, days: Ints) -> pa.Array:
    """Days of the calendar as dates."""
    return pa.array((scene.days.base + np.asarray(days)).astype("datetime64[D]"), pa.date32())


def end_of(scene: Scene) -> Ints:
    """Last day seen of each person."""
    return np.minimum(scene.planted.death, scene.days.last)


def _persons(scene: Scene) -> pa.Table:
    block = scene.block
    born = 1970 + (scene.days.base + block.born).astype("datetime64[Y]").astype(np.int64)
    return pa.table(
        {
            "person_id": np.arange(1, len(block) + 1),
            "year_of_birth": born,
            "gender_concept_id": np.where(block.sex == 1, 8507, 8532),
        }
    )


def _observed(scene: Scene) -> pa.Table:
    size = len(scene.block)
    return pa.table(
        {
            "person_id": np.arange(1, size + 1),
            "observation_period_start_date": date(scene, np.full(size, scene.days.first)),
            "observation_period_end_date": date(scene, observed_until(scene)),
        }
    )


def observed_until(scene: Scene) -> Ints:
    """Last day of observation: death or the end of the data, never the last time that somebody was seen."""
    return end_of(scene)


def _deaths(scene: Scene) -> pa.Table:
    who = np.flatnonzero(scene.planted.death <= scene.days.last)
    day = date(scene, scene.planted.death[who])
    return pa.table({"person_id": who + 1, "death_date": day, "death_month": day})


def _drugs(scene: Scene) -> pa.Table:
    """Packs under their code; doses of vaccines under a concept each, as an operator's own map would give them one."""
    lines, packs, doses = scene.planted.dispensings, scene.planted.packs, scene.planted.doses
    lasts = np.array([pack.days for pack in packs] or [0])[lines.pack]
    boxes = np.array([float(pack.boxes) for pack in packs] or [0.0])[lines.pack]
    none = np.zeros(len(lines.person), dtype=np.int64)
    names = [*(pack.cip13 for pack in packs), *scene.planted.vaccines]
    days, cover = np.concatenate([lines.day, doses.day]), np.concatenate([lasts, np.ones_like(doses.day)])
    return pa.table(
        {
            "person_id": np.concatenate([lines.person, doses.person]) + 1,
            "drug_exposure_start_date": date(scene, days),
            "drug_exposure_end_date": date(scene, days + cover - 1),
            "days_supply": cover,
            "quantity": np.concatenate([boxes, np.ones(len(doses.day))]),
            "drug_concept_id": np.concatenate([none, doses.product + 1]),
            "drug_source_value": words(names, np.concatenate([lines.pack, len(packs) + doses.product])),
        }
    )


def words(of: list[str], place: Ints) -> pa.Array:
    """A text for each place in a list."""
    return pa.array(np.array(of or [""], dtype=object)[place], pa.string())


def _coded(form: StayForm) -> Iterator[tuple[str, str]]:
    yield form.principal, "DP"
    if form.related:
        yield form.related, "DR"
    yield from ((code, "DAS") for code in form.associated)


def _stays(scene: Scene) -> Tables:
    """Stays with their diagnoses and acts, each on the day of entry."""
    stays, forms = scene.planted.stays, scene.planted.forms
    person, form = stays.person + 1, stays.form
    told = [list(_coded(item)) for item in forms]
    row, at = _each([len(item) for item in told], form)
    code = list(chain.from_iterable(told))
    act, which = _each([len(item.acts) for item in forms], form)
    nights = np.array([item.nights for item in forms] or [0])[form]
    return {
        "condition_occurrence": pa.table(
            {
                "person_id": person[row],
                "condition_start_date": date(scene, stays.day[row]),
                "condition_source_value": words([one for one, _ in code], at),
                "condition_status_source_value": words([status for _, status in code], at),
                "visit_occurrence_id": row + 1,
            }
        ),
        "procedure_occurrence": pa.table(
            {
                "person_id": person[act],
                "procedure_date": date(scene, stays.day[act]),
                "procedure_source_value": words([one for item in forms for one in item.acts], which),
                "visit_occurrence_id": act + 1,
            }
        ),
        "visit_occurrence": pa.table(
            {
                "person_id": person,
                "visit_occurrence_id": np.arange(1, len(person) + 1),
                "visit_concept_id": np.full(len(person), _INPATIENT),
                "visit_start_date": date(scene, stays.day),
                "visit_end_date": date(scene, stays.day + nights),
            }
        ),
    }


def _each(count: list[int], form: Ints) -> tuple[Ints, Ints]:
    """Of each stay one row for each of its form's ``count`` entries: the stay, and the entry's place in all forms' laid end to end."""
    size = np.array(count or [0])
    first = np.cumsum(size) - size
    row = np.repeat(np.arange(len(form)), size[form])
    begun = np.repeat(np.cumsum(size[form]) - size[form], size[form])
    return row, first[form][row] + np.arange(len(row)) - begun


def _homes(scene: Scene) -> pa.Table:
    """A row a person and year lived in; places are written as five digits."""
    homes, starts = residence(scene), year_starts(scene.days)
    person, year = np.nonzero(starts[None, :-1] <= end_of(scene)[:, None])
    until = np.minimum(starts[1:][year] - 1, end_of(scene)[person])
    return pa.table(
        {
            "person_id": person + 1,
            "location_history_start_date": date(scene, starts[:-1][year]),
            "location_history_end_date": date(scene, until),
            "commune_source_value": words(place_codes(), homes[person, year]),
            "department_source_value": words([code[:2] for code in place_codes()], homes[person, year]),
        }
    )


def place_codes() -> list[str]:
    """Code of each place."""
    return [f"{10 + place // 2:02d}{place:03d}" for place in range(PLACES)]


def residence(scene: Scene) -> Ints:
    """Place of residence, persons × years: that of each year."""
    if scene.block.homes is None:
        raise ValueError("a scene without homes")
    return scene.block.homes


def _particles(scene: Scene) -> pa.Table:
    """What is measured at each person's residence, a row a year."""
    homes, field, starts = residence(scene), scene.field, year_starts(scene.days)
    if field is None:
        raise ValueError("a scene without a field of particles")
    person, year = np.nonzero(starts[None, :-1] <= end_of(scene)[:, None])
    return pa.table(
        {
            "person_id": person + 1,
            "exposure_start_date": date(scene, starts[:-1][year]),
            "exposure_end_date": date(scene, starts[1:][year] - 1),
            "exposure_source_value": words([field.name], np.zeros_like(person)),
            "value_as_number": field.values[homes[person, year], year],
        }
    )


def columns(table: pa.Table) -> dict[str, np.ndarray]:
    """A table's columns as arrays."""
    return {name: table[name].to_numpy() for name in table.column_names}
