# SPDX-License-Identifier: Apache-2.0
"""Sequences of a cohort: how many persons and measurements each share holds, as result rows; the data set itself to who keeps it sealed."""

import numpy as np

from rempart.records.design_sequences import HELD_OUT, TRAIN, TUNING
from rempart.study.describe_cells import ARM, contributions, reference
from rempart.study.designed import Designed
from rempart.study.meds import meds_files
from rempart.study.rows import Output
from rempart.study.tallies import NOBODY, union

_UNITS = {"measurements": "records"}


def sequences(output: Output, told: Designed) -> None:
    """Persons and records by share. Raises BadInput ``sequences-too-large``."""
    cells = told.by("persons", "share")
    whole = union(cells.values())
    for level, cell in (("all", whole), *((share, cells.get((share,), NOBODY)) for share in (TRAIN, TUNING, HELD_OUT))):
        row = {"variable": "all" if level == "all" else "share", "level": level}
        output.write(row, ARM, {"n": cell.persons}, n=cell.persons, ref=reference(cell))
        records = {"measurements": float(cell.total)}
        output.write(row, ARM, records, n=cell.persons, ref=reference(cell), units=_UNITS, behind=contributions(cell))
    if told.training.random is None:
        return
    people = told.patterns("people", 5)
    rows = [
        [str(column[at]) for column in people.columns] for at in np.repeat(np.arange(len(people.n)), people.n).tolist()
    ]
    name = told.study.protocol.title
    told.training.sequences[told.analysis.id] = meds_files(rows, told.training.random, name=name)
