# SPDX-License-Identifier: Apache-2.0
"""The potential identifiers of the SNDS: coarse unless a permit gives one, with its reason, and one at a time unless a decree says more.

A permit that says nothing of them (no ``[identifiers]``) is one of before: its columns come as they are named. Columns that are finer than
their coarse form are listed by name; dates of care are told by the first of their month.
"""

from rempart.errors import BadInput, Refused
from rempart.records.omop import TableLayout
from rempart.records.permit import Permit

CARE_DAYS = "care-days"
FINE: dict[str, frozenset[tuple[str, str]]] = {
    "commune": frozenset(
        {
            ("person", "commune_source_value"),
            ("location_history", "commune_source_value"),
            ("location_history", "commune_delivered_value"),
            ("external_exposure", "value_as_number"),
        }
    ),
    "birth-month": frozenset({("person", "month_of_birth"), ("person", "day_of_birth")}),
    "death-day": frozenset({("death", "death_date")}),
    "death-commune": frozenset(),
    CARE_DAYS: frozenset(),
}
"""Identifier → (table, column) that tell it; care days are every day of a table, and no table tells the commune of death."""
_MONTHS = frozenset({("death", "death_month"), ("death", "death_date")})


def check_identifiers(permit: Permit) -> None:
    """Raises BadInput ``permit-field`` for an unknown name; Refused ``permit-identifier`` for a column finer than what the permit gives,
    ``permit-identifiers`` for more than one without a perimeter fixed by decree."""
    if permit.identifiers is None:
        return
    for name in permit.identifiers:
        if name not in FINE:
            raise BadInput("permit-field", field=f"identifiers.{name}", expected=", ".join(FINE))
    if len(permit.identifiers) > 1 and not permit.perimeter:
        raise Refused("permit-identifiers", permit=permit.id, identifiers=", ".join(permit.identifiers))
    for name, columns in FINE.items():
        for table, column in sorted(columns):
            if column in permit.tables.get(table, ()) and name not in permit.identifiers:
                raise Refused("permit-identifier", permit=permit.id, column=f"{table}.{column}", identifier=name)


def by_month(permit: Permit, layout: TableLayout, column: str) -> bool:
    """Whether a day of care is told by its month alone."""
    if permit.identifiers is None or CARE_DAYS in permit.identifiers or (layout.name, column) in _MONTHS:
        return False
    return layout.type_of(column) == "DATE"
