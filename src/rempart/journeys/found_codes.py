# SPDX-License-Identifier: Apache-2.0
"""A worker's look at the project's vocabulary before it reads persons: a list of drug classes that finds no pack would match nobody.

Reads ``code_hierarchy`` alone, which holds no data of a person. Other systems are matched on the codes themselves and need no look.
"""

from collections.abc import Collection
from itertools import islice

from rempart.cohort.codes import packs_under
from rempart.errors import BadInput
from rempart.ports.query import Query
from rempart.records.protocol import CodeList
from rempart.records.study import Study

_SHOWN = 12  # classes in a message


def check_classes(query: Query, study: Study, classes: Collection[CodeList]) -> None:
    """``classes``: the ATC lists of ``study`` that will be looked up. Raises BadInput ``codes-find-nothing`` for one that the session's
    hierarchy knows no pack and no unit of."""
    for name, codes in study.codes.items():
        if codes in classes and not query.table(packs_under(codes)).column("n").to_pylist()[0]:
            more = ["…"] if len(codes.include) > _SHOWN else []
            told = ", ".join([*islice(codes.include, _SHOWN), *more])
            raise BadInput("codes-find-nothing", name=name, classes=told)
