# SPDX-License-Identifier: Apache-2.0
"""A worker's look at the project's vocabulary before it reads persons: without any drug class there, a list of classes would match nobody.

Reads ``code_hierarchy`` alone, which holds no data of a person. Other systems are matched on the codes themselves and need no look. A class
that nobody of the deliveries was dispensed is no fault: it has no row, and a refusal would tell that nobody was.
"""

from collections.abc import Collection
from itertools import islice

from rempart.cohort.codes import ANY_CLASS
from rempart.cohort.features_sql import ANY_DRUG
from rempart.errors import BadInput
from rempart.ports.query import Query
from rempart.records.protocol import CodeList
from rempart.records.study import Study

_SHOWN = 12  # classes in a message


def check_classes(query: Query, study: Study, classes: Collection[CodeList]) -> None:
    """``classes``: the ATC lists of ``study`` that will be looked up. Raises BadInput ``codes-find-nothing`` for the first of them where
    the session's hierarchy knows no drug class at all."""
    asked = [(name, codes) for name, codes in (*study.codes.items(), ("features", ANY_DRUG)) if codes in classes]
    if not asked or query.table(ANY_CLASS).column("n").to_pylist()[0]:
        return
    name, codes = asked[0]
    more = ["…"] if len(codes.include) > _SHOWN else []
    raise BadInput("codes-find-nothing", name=name, classes=", ".join([*islice(codes.include, _SHOWN), *more]))
