# SPDX-License-Identifier: Apache-2.0
"""Witnesses that can be asked at once, and the checkpoint that they cosigned last. They prove themselves by their lines alone."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAnswer:
    """What a witness said. ``status``: of C2SP tlog-witness; ``size``: with 409, the leaves it stands at, -1 where it does not say."""

    status: int
    lines: str = ""
    size: int = -1


class Witnesses(Protocol):
    """Believes nothing that it passes on."""

    def add_checkpoint(self, url: str, request: str) -> WitnessAnswer:
        """One question (C2SP tlog-witness ``add-checkpoint``); raises Unavailable ``door-absent``, BadInput ``door-url``."""

    def kept(self) -> str:
        """The cosigned checkpoint that was kept last, '' without one."""

    def keep(self, note: str) -> None:
        """Keep it in place of the one before."""
