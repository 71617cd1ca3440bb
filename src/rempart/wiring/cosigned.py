# SPDX-License-Identifier: Apache-2.0
"""The file of the checkpoint that witnesses cosigned last, and how young their word is. Needs no broker: the broker asks it."""

import datetime
from pathlib import Path

from rempart.adapters.configuration import Configuration
from rempart.adapters.surroundings import SystemClock
from rempart.adapters.witness_client import HttpWitnesses
from rempart.audit.kept import check_kept
from rempart.audit.witness_policy import parse_policy, satisfied
from rempart.errors import RempartError
from rempart.ports.ledger import Ledger
from rempart.wiring.ledger import ledger_folder

COSIGNED = "cosigned"


def cosigned_file(directory: Path) -> Path:
    """Where the checkpoint that was cosigned last is kept."""
    return ledger_folder(directory) / COSIGNED


def witnessed_since(directory: Path, settings: Configuration, ledger: Ledger, text: str, minutes: int) -> bool:
    """Whether the quorum of the policy ``text`` cosigned, at most so many minutes ago by its own clocks, a checkpoint of this ledger."""
    since = int((SystemClock().now() - datetime.timedelta(minutes=minutes)).timestamp())
    try:
        note = HttpWitnesses(cosigned_file(directory)).kept()
        if not note or not satisfied(parse_policy(text), note, since=since):
            return False
        check_kept(note, ledger, origin=settings.ledger_origin, public=settings.ledger_public)
    except RempartError:
        return False
    return True
