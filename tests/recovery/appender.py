# SPDX-License-Identifier: Apache-2.0
"""A process that appends leaves to the ledger of a copy: ``python -m tests.recovery.appender ROOT NAME COUNT``."""

import sys
from pathlib import Path

from rempart.journeys.recorded import recorded
from tests.faults.warehouse.place import Place


def main(root: str, name: str, count: str) -> None:
    """Append ``count`` acts under one name, each an intent and its effect."""
    recorder = Place(Path(root)).warehouse().recorder
    for number in range(int(count)):
        with recorded(recorder, "alarm", basis="operation:alarm", objects=[f"writer:{name}", f"number:{number}"]):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
