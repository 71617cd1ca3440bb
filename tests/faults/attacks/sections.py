# SPDX-License-Identifier: Apache-2.0
"""The sections of the suite: title → its attacks, and how many attempts of each kind at each size."""

from collections.abc import Callable, Iterable, Mapping

from tests.faults.attacks import (
    commitments,
    differencing,
    files,
    fits,
    given_back,
    projects,
    records,
    sandbox,
    tables,
    yesterday,
)
from tests.faults.attacks.attack import Attack

EACH = {"small": 3, "full": 40}
SECTIONS: Mapping[str, tuple[Callable[[int, int], Iterable[Attack]], Mapping[str, int]]] = {
    "outputs of our own engine": (tables.attacks, {"small": 3, "full": 20}),
    "counts computed from estimates": (given_back.attacks, {"small": 3, "full": 20}),
    "fits, maps and extremes": (fits.attacks, {"small": 3, "full": 20}),
    "files of a researcher's own, and our pictures": (files.attacks, {"small": 2, "full": 20}),
    "sets of persons across releases": (differencing.attacks, {"small": 3, "full": 20}),
    "commitments of a record": (commitments.attacks, {"small": 1, "full": 20}),
    "rows written straight into the database": (records.written, {"small": 1, "full": 10}),
    "ledger and documents altered": (records.altered, {"small": 2, "full": 20}),
    "ledger and host put back together": (yesterday.attacks, {"small": 1, "full": 10}),
    "two projects of the same persons": (projects.attacks, {"small": 1, "full": 20}),
    "code that nobody trusts": (sandbox.attacks, {"small": 1, "full": 3}),
}
