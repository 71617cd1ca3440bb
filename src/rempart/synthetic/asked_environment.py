# SPDX-License-Identifier: Apache-2.0
"""What is measured around invented persons: a value a year at each one's residence, a value a day in each invented commune.

Values follow nothing and tell nothing: they only show what a study of an environment looks like.
"""

import datetime
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from rempart.synthetic.plan import Ints

MEAN, SPREAD = 10.0, 2.0  # of what is measured, in its unit; chosen
_EPOCH = datetime.date(1970, 1, 1)


def communes(departments: Sequence[str]) -> tuple[str, ...]:
    """Three invented communes of each département; no commune has such a code."""
    return tuple(f"{place[:2]}9{number:02d}" for place in departments for number in (97, 98, 99))


def measured_of(names: Sequence[str], begins: Ints, ends: Ints, draw: np.random.Generator) -> dict[str, object]:
    """Columns of ``external_exposure``: of each person (numbered from 1), name and calendar year from the first to the last day seen."""
    years = np.arange(int(_years(begins).min()), int(_years(ends).max()) + 1)
    name, person, year = (
        grid.ravel() for grid in np.meshgrid(np.arange(len(names)), np.arange(len(begins)), years, indexing="ij")
    )
    start, after = ((year + more - 1970).astype("datetime64[Y]").astype("datetime64[D]") for more in (0, 1))
    return {
        "person_id": person + 1,
        "external_exposure_id": np.arange(1, len(person) + 1),
        "exposure_start_date": start,
        "exposure_end_date": after - np.timedelta64(1, "D"),
        "exposure_source_value": [names[int(at)] for at in name],
        "value_as_number": draw.normal(MEAN, SPREAD, len(person)).round(2),
    }


def measured_in(
    names: Sequence[str], places: Sequence[str], days: tuple[int, int], draw: np.random.Generator
) -> pa.Table:
    """The table ``environment``: a value for each name, commune and day (days since 1970, both included)."""
    number = np.arange(days[0], days[1] + 1)
    name, place, day = (
        grid.ravel() for grid in np.meshgrid(np.arange(len(names)), np.arange(len(places)), number, indexing="ij")
    )
    date = pa.array(day.astype("datetime64[D]"))
    return pa.table(
        {
            "exposure": [names[int(at)] for at in name],
            "commune": [places[int(at)] for at in place],
            "first_day": date,
            "last_day": date,
            "year": pa.array(_years(day).astype(np.int32)),
            "value": draw.normal(MEAN, SPREAD, len(day)).round(2),
        }
    )


def _years(days: Ints) -> Ints:
    return np.asarray(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)
