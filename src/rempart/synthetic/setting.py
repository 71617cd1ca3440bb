# SPDX-License-Identifier: Apache-2.0
"""What every step of a block shares: the plan, its calendar, its places, and what a line can be for."""

from collections.abc import Sequence
from dataclasses import dataclass

from rempart.synthetic.catalogue import Catalogue
from rempart.synthetic.places import Places
from rempart.synthetic.plan import Calendar, SyntheticPlan
from rempart.synthetic.planting import Pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The unchanging things of a block of persons."""

    plan: SyntheticPlan
    calendar: Calendar
    places: Places
    catalogue: Catalogue


def make_setting(plan: SyntheticPlan, packs: Sequence[Pack] = ()) -> Setting:
    """The setting of a plan; ``packs``: those of the studies planted in it."""
    calendar = Calendar(plan)
    return Setting(plan=plan, calendar=calendar, places=Places(plan, calendar), catalogue=Catalogue(plan, packs))
