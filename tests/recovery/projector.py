# SPDX-License-Identifier: Apache-2.0
"""A process that projects a story and kills itself: ``python -m tests.recovery.projector FOLDER URL LEAVES STATEMENT``.

It dies before the STATEMENT-th statement is sent, counted from one; or, with 0, before the transaction is committed.
"""

import os
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import cast

from sqlalchemy import Engine, event

from rempart.adapters.state_database import StateDatabase
from rempart.wiring.projection import catch_up, state_url
from rempart.wiring.warehouse import Warehouse
from tests.properties.projected_story import StoryHouse, whole_life


def main(folder: str, url: str, leaves: str, statement: str) -> None:
    """Project the story's first leaves, as far as it gets."""
    house = StoryHouse(whole_life(), Path(folder), url)
    house.to(int(leaves))
    sent = []

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(Engine, "before_cursor_execute")
    def count(*_: object) -> None:
        sent.append(1)
        if len(sent) == int(statement):
            die()

    if int(statement) == 0:
        event.listen(Engine, "commit", die)
    with closing(StateDatabase(state_url(cast(Warehouse, house)))) as state:
        catch_up(cast(Warehouse, house), state)


if __name__ == "__main__":
    main(*sys.argv[1:])
