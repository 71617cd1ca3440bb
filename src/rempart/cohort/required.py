# SPDX-License-Identifier: Apache-2.0
"""The columns that a study's SQL reads: what the permit must hold, and all that a worker unseals."""

import datetime
from collections.abc import Mapping

from rempart.cohort.match_plan import match_plan
from rempart.cohort.parts import columns_of, study_parts
from rempart.errors import BadInput
from rempart.records.omop import TableLayout
from rempart.records.study import Study


def required_columns(study: Study, layouts: Mapping[str, TableLayout]) -> dict[str, frozenset[str]]:
    """Table → columns read (``person_id`` apart), noted while the SQL itself is written. ``layouts``: of persons' tables and of those
    without persons.

    Raises BadInput ``study-layout`` when the layout has no such column, ``exposure-supply``.
    """
    required = columns_of(study_parts(study, cut=datetime.date.max))
    for table, names in match_plan(study, cut=datetime.date.max).columns.items():
        required[table] = required.get(table, frozenset()) | names
    for table, columns in required.items():
        for column in sorted(columns):
            if table not in layouts or layouts[table].sibling_of(column) is None:
                raise BadInput("study-layout", table=table, column=column)
    return dict(sorted(required.items()))
