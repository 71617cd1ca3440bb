# SPDX-License-Identifier: Apache-2.0
"""The columns that a study's SQL reads: what the permit must hold, and all that a worker unseals."""

import datetime
from collections.abc import Mapping

from rempart.cohort.codes import Reads
from rempart.cohort.compile import compile_frame
from rempart.errors import BadInput
from rempart.records.omop import TableLayout
from rempart.records.study import Study


def required_columns(study: Study, layouts: Mapping[str, TableLayout]) -> dict[str, frozenset[str]]:
    """Table → columns read (``person_id`` apart), noted while the SQL itself is written.

    Raises BadInput ``study-layout`` when the layout has no such column.
    """
    reads = Reads()
    for frame in study.frames:
        compile_frame(study, frame, cut=datetime.date.max, reads=reads)
    for table, columns in reads.columns.items():
        for column in sorted(columns):
            if table not in layouts or layouts[table].sibling_of(column) is None:
                raise BadInput("study-layout", table=table, column=column)
    return {table: frozenset(columns) for table, columns in sorted(reads.columns.items())}
