# SPDX-License-Identifier: Apache-2.0
"""Reading the census populations of a study file, and their canonical form. Divides nothing by them."""

from rempart.records.describing import OLDEST, Inhabitants, Population
from rempart.records.describing_forms import INHABITANTS, POPULATION
from rempart.records.fields import Fields
from rempart.records.form_reading import take


def read_population(given: Fields) -> Population:
    """A census; raises BadInput ``study-field``, ``unknown-key``."""
    told = take(given, POPULATION)
    rows = []
    for item in told["rows"]:
        row = take(item, INHABITANTS)
        if row["age"] is not None:
            first, last = row["age"]
            row["age"] = (first, None if last >= OLDEST else last)
        rows.append(Inhabitants(**row))
    return Population(source=told["source"], date=told["date"], rows=tuple(rows))


def population_dict(population: Population) -> dict[str, object]:
    """Its canonical form."""
    rows = [
        {
            "persons": row.persons,
            **({"year": row.year} if row.year is not None else {}),
            **({"sex": row.sex} if row.sex else {}),
            **({"age": [row.age[0], OLDEST if row.age[1] is None else row.age[1]]} if row.age is not None else {}),
            **({"place": row.place} if row.place else {}),
        }
        for row in population.rows
    ]
    return {"source": population.source, "date": population.date, "rows": rows}
