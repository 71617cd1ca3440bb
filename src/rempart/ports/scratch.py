# SPDX-License-Identifier: Apache-2.0
"""Sealed scratch on the controller's disk: what is put here is already encrypted under a key of the run."""

from contextlib import AbstractContextManager
from typing import Protocol


class Scratch(Protocol):
    """Named pieces of one run; a run's pieces outlive a crash so that it can resume, and are cleared at its end."""

    def put(self, run: str, name: str, data: bytes) -> None:
        """Write a piece whole or not at all."""

    def get(self, run: str, name: str) -> bytes | None:
        """The piece, or None."""

    def drop(self, run: str, name: str) -> None:
        """Remove one piece, if it is there."""

    def names(self, run: str) -> list[str]:
        """Names of the run's pieces, sorted."""

    def clear(self, run: str | None = None) -> None:
        """Remove one run's pieces, or every run's."""

    def hold(self, run: str) -> AbstractContextManager[None]:
        """Own a run for the length of a block; raises Unavailable ``run-held`` while another living process owns it."""

    def held(self, run: str) -> bool:
        """Whether a living process owns the run; a process that was killed owns nothing."""

    def sweep(self, *, but: str) -> None:
        """Remove the pieces of every run that nobody owns, but of those whose id begins with ``but``: they can resume."""
