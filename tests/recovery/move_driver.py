# SPDX-License-Identifier: Apache-2.0
"""A process that cuts a move over and kills itself at a named step: ``python -m tests.recovery.move_driver ROOT MOVE STEP``."""

import sys
from pathlib import Path

from rempart.wiring.cutover import Orders, cut_over_move
from tests.faults.warehouse.place import Place, Silence
from tests.recovery.driver import die_at


def main(root: str, move: str, step: str) -> None:
    """Cut over, or die."""
    place = Place(Path(root))
    orders = Orders(
        officers=[Path(place.key("officer")), Path(place.key("second"))],
        ask=lambda _: "",
        progress=Silence(),
        named_step=die_at(step, 1),
    )
    cut_over_move(place.directory, move=move, orders=orders)


if __name__ == "__main__":
    main(*sys.argv[1:])
