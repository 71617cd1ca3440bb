# SPDX-License-Identifier: Apache-2.0
"""What invented persons are to bear: kinds of records by codes, positions, settings, numbers, as plain terms. Reads no study.

Whoever reads studies says it in these terms (``wiring/asked.py``): this room shares no code with what it tries.
"""

from dataclasses import dataclass

DEATH, RESIDENCE = "death", "residence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A record that some rule would find. ``codes``: source codes, or concept ids of the system OMOP; empty for any."""

    domain: str
    system: str = ""
    codes: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    specialty: tuple[str, ...] = ()
    setting: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """``kinds``: each once, in the order of the studies; ``places``: where persons are asked to live; ``ages``: asked for at entry;
    ``before``: the longest observation before entry, days; ``claims``: the population that rates are said to be of, or '';
    ``environment``: names of what is measured at residences."""

    kinds: tuple[Kind, ...]
    places: tuple[str, ...] = ()
    ages: tuple[int, int] | None = None
    before: int = 0
    claims: str = ""
    environment: tuple[str, ...] = ()
