# SPDX-License-Identifier: Apache-2.0
"""One attempt of an attacker, and how a section of the suite is counted.

A section is a module with ``attacks(count, seed)``: an iterable of ``Attack``. What is stopped says by what; what got through says what a
person needs to see it again, never more.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rempart.errors import RempartError
from tests.faults.campaign.count import Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``stopped``: whether the attacker has nothing; ``by``: what stopped it, or what he has."""

    stopped: bool
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """``kind``: what is tried; ``name``: which of them, enough to repeat it; ``run``: tries it. A refusal stops it."""

    kind: str
    name: str
    run: Callable[[], Outcome]


def outcome(attack: Attack) -> Outcome:
    """What comes of one attempt; an error of ours that names itself is a refusal, any other a defect that is raised."""
    try:
        return attack.run()
    except RempartError as error:
        return Outcome(stopped=True, by=error.code)


def counted(title: str, attacks: Iterable[Attack]) -> Section:
    """Every attempt made and counted by kind; what got through is named."""
    section = Section(title)
    for attack in attacks:
        found = outcome(attack)
        told = "" if found.stopped else f"{attack.name}: {found.by}"
        section.of(attack.kind).add(caught_by=[found.by] if found.stopped else [], slipped=told)
    return section
