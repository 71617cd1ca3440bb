# SPDX-License-Identifier: Apache-2.0
"""The same content whatever the order: months shuffled, a corrected month re-delivered, a run killed and taken up again."""

import random
from pathlib import Path

from rempart.journeys.ingest_delivery import Bounds
from rempart.wiring.ingest import ingest_delivery
from tests.faults.warehouse.place import Place, Silence
from tests.ingest_house import bring, cut, empty_warehouse, whole_delivery
from truth.scores import Score

AREA = "order"
_PERSONS = 60
_COMMITS = 3


def score_orders(folder: Path, *, seed: int, persons: int) -> list[Score]:
    """Content hashes against one full ingest of the same delivery."""
    here = folder / "orders"
    here.mkdir()
    whole = whole_delivery(here, persons=min(persons, _PERSONS), seed=seed)
    with empty_warehouse(here / "full") as place:
        bring(place, whole)
        full = place.content()
    chance = random.Random(seed)  # noqa: S311  an order, not a secret
    pieces = cut(whole, here / "cut", chance)
    chance.shuffle(pieces)
    with empty_warehouse(here / "pieces") as place:
        for piece in pieces[:-1]:
            bring(place, piece, later=True)
        bring(place, pieces[-1])
        cut_up = place.content()
    with empty_warehouse(here / "killed") as place:
        _killed(place, whole)
        bring(place, whole)
        taken_up = place.content()
    unlike = [sum(1 for table in full if full[table] != other.get(table)) for other in (cut_up, taken_up)]
    return [
        Score(area=AREA, name="tables unlike: months in another order, one re-delivered", expected=0, found=unlike[0]),
        Score(area=AREA, name="tables unlike: killed and taken up again", expected=0, found=unlike[1]),
    ]


class Killed(BaseException):
    """Stands for the end of the process."""


def _killed(place: Place, whole: Path) -> None:
    """An ingest in small spans that dies between two of its commits."""
    left = [_COMMITS]

    def die(step: str) -> None:
        left[0] -= step == "units-committed"
        if left[0] <= 0 and step == "unit-read":
            raise Killed

    small = Bounds(rows=2000, seconds=0)
    try:
        ingest_delivery(
            place.warehouse(), whole, form="snds", replace=False, progress=Silence(), named_step=die, bounds=small
        )
    except Killed:
        return
    raise RuntimeError("the run was not killed")
