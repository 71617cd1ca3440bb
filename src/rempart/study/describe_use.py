# SPDX-License-Identifier: Apache-2.0
"""Drug utilisation by calendar unit as result rows: users, new users, dispensings, packs, and each per 1,000 persons of the cohort."""

from collections.abc import Mapping

from rempart.records.describing import dimensions_of
from rempart.study.describe_cells import ARM, NOBODY, Describing, contributions, distinct, place, present, reference
from rempart.study.rows import Behind, Output
from rempart.study.tallies import Tally

PACK = 100.0  # packs are told in hundredths
_UNITS = {
    "dispensings": "dispensings",
    "packs": "packs",
    "users_per_1000": "per 1000 persons",
    "dispensings_per_1000": "per 1000 persons",
    "packs_per_1000": "per 1000 persons",
}
_KINDS = ("users", "new_users", "packs")


def utilisation(output: Output, told: Describing) -> None:
    """One line for each exposure, time and level of each variable."""
    for variable in told.analysis.variables:
        base = present(told, variable)
        found = {kind: told.levels(kind, variable, "exposure", "time") for kind in _KINDS}
        pharmacies = distinct(told.part(f"pharmacies/{variable}"), variable, "exposure", "time")
        for exposure in told.analysis.exposures:
            for key, persons in base.items():
                named = dict(zip(dimensions_of(variable), key[1:], strict=True))
                row = {"exposure": exposure, "time": key[0], **place(variable, named)}
                cells = {kind: found[kind].get((exposure, *key), NOBODY) for kind in _KINDS}
                _use(output, row, persons, cells, pharmacies.get((exposure, *key)))


def _use(
    output: Output, row: Mapping[str, str], persons: Tally, cells: Mapping[str, Tally], establishments: int | None
) -> None:
    users, new, packs = (cells[kind] for kind in _KINDS)
    output.write(row, ARM, {"persons": persons.persons}, n=persons.persons, ref=reference(persons))
    output.write(row, ARM, {"new_users": new.persons}, n=new.persons, ref=reference(new))
    behind, ref = Behind(establishments=establishments), reference(users)
    output.write(row, ARM, {"users": users.persons}, n=users.persons, ref=ref, behind=behind)
    fills = contributions(users, establishments=establishments)
    output.write(row, ARM, {"dispensings": users.total}, n=users.persons, ref=ref, units=_UNITS, behind=fills)
    handed = contributions(packs, unit=PACK, establishments=establishments)
    amounts = {"packs": packs.total / PACK}
    output.write(row, ARM, amounts, n=users.persons, ref=ref, units=_UNITS, behind=handed)
    shares = {"users": float(users.persons), "dispensings": float(users.total), "packs": packs.total / PACK}
    rates = {
        f"{name}_per_1000": 1000 * value / persons.persons if persons.persons else None
        for name, value in shares.items()
    }
    output.write(row, ARM, rates, n=users.persons, ref=ref, units=_UNITS)
