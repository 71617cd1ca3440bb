# SPDX-License-Identifier: Apache-2.0
"""The files of a delivery, or what a block of persons adds to each. Yields values; writing them is an adapter's work."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from rempart.synthetic.cells import Frame, Layouts
from rempart.synthetic.certificates import certificates
from rempart.synthetic.claims import Lines, chosen
from rempart.synthetic.frames import claims_frame
from rempart.synthetic.plan import DeliveryFile, Ints, SyntheticPlan
from rempart.synthetic.registers import beneficiaries, conditions
from rempart.synthetic.stay_frames import acts_frame, diagnoses_frame, mco_frame, no_births, stay_cells
from rempart.synthetic.tally import DETAILS
from rempart.synthetic.whole_parts import dose_parts, field_parts, leaks_planted, reference_parts, register_parts
from rempart.synthetic.world import World

Piece = Callable[[], DeliveryFile]
# Cards (last digit of their number) whose lines the month delivered wrong lacks.
_LOST = 3


def pieces(world: World) -> tuple[list[Piece], dict[str, int]]:
    """Persons, claims by flow month, stays and certificates by year; and the defects counted while they are made.

    Each is made when it is called, so that one of them at a time is in memory as text.
    """
    setting = world.setting
    if setting.plan.whole:
        return whole_pieces(world)
    layouts, both = Layouts(setting.plan), (world.people, world.cards)
    frame, rows, counts = beneficiaries(setting, both, world.words, world.deaths)
    made: list[Piece] = [partial(layouts.file, "beneficiaries", frame, slice(0, rows))]
    frame, rows, more = conditions(setting, both, world.words)
    made.append(partial(layouts.file, "conditions", frame, slice(0, rows)))
    made += [*_claims(world, layouts), *_stays(world, layouts)]
    frame, years, _, _ = certificates(setting, both, world.words, world.deaths)
    made += by_year(world, layouts, {"certificates": (frame, years)})
    return made, counts | more


def whole_pieces(world: World) -> tuple[list[Piece], dict[str, int]]:
    """As ``pieces``, of every table."""
    layouts, plan = Layouts(world.setting.plan), world.setting.plan
    registers, counts = register_parts(world)
    made: list[Piece] = [
        partial(layouts.file, table, frame, slice(0, rows)) for table, (frame, rows) in registers.items()
    ]
    if plan.monthly:
        frame, rows, _ = beneficiaries(
            world.setting, (world.people, world.cards), world.words, world.deaths, early=True
        )
        made.insert(0, partial(layouts.file, "beneficiaries", frame, slice(0, rows), variant="early"))
    made += _claims(world, layouts)
    for table, (frame, months) in dose_parts(world).items():
        for month in np.unique(months).tolist():
            period = f"{month // 12:04d}{month % 12 + 1:02d}"
            made.append(partial(layouts.file, table, frame, rows_of(months, month), period))
    made += by_year(world, layouts, field_parts(world))
    if not plan.block:
        for table, period, frame, rows in reference_parts(world):
            made.append(partial(layouts.file, table, frame, slice(0, rows), period))
    return made, counts | leaks_planted(world)


def by_year(world: World, layouts: Layouts, parts: dict[str, tuple[Frame, Ints]]) -> Iterator[Piece]:
    """Tables of yearly files; each frame is sorted by the years beside it."""
    plan = world.setting.plan
    for year in range(plan.first_year, plan.last_year + 1):
        for table, (frame, years) in parts.items():
            if layouts.known(table, year):
                yield partial(layouts.file, table, frame, rows_of(years, year), str(year))


def rows_of(values: Ints, value: int) -> slice:
    """Where a value stands in sorted values."""
    first, last = np.searchsorted(values, [value, value + 1])
    return slice(int(first), int(last))


def flow_period(plan: SyntheticPlan, month: int) -> str:
    """YYYYMM of a flow month, or the YYYY of its archive: flows of January and February lie in the archive of the year before."""
    year = (month - 2) // 12
    return f"{year:04d}" if year <= plan.archives_until else f"{month // 12:04d}{month % 12 + 1:02d}"


def wrong_month(world: World) -> int:
    """The flow month that is delivered wrong at first: June of the last year delivered."""
    return world.setting.plan.last_year * 12 + 5


def _claims(world: World, layouts: Layouts) -> Iterator[Piece]:
    canary, flows = world.canaries, world.lines["flow"]
    whole = world.setting.plan.whole
    details = DETAILS if whole else {"drugs": DETAILS["drugs"]}

    def made(table: str, month: int, part: Lines, variant: str = "") -> DeliveryFile:
        frame = claims_frame(world.setting, world.cards, world.words, part)
        suffix = f"_{canary.mark}" if table == "drugs" and canary and canary.month == month else ""
        period = flow_period(world.setting.plan, month)
        return layouts.file(table, frame, slice(0, len(part["flow"])), period, suffix, variant)

    for month in np.unique(flows).tolist():
        part = {word: values[rows_of(flows, month)] for word, values in world.lines.items()}
        for variant in ("wrong", "") if world.setting.plan.monthly and month == wrong_month(world) else ("",):
            some = chosen(part, part["card"] % 10 != _LOST) if variant else part
            yield partial(made, "claims", month, some, variant)
            for table, kind in details.items():
                rows = np.flatnonzero(some["kind"] == kind)
                if len(rows):
                    yield partial(made, table, month, chosen(some, rows), variant)
            rows = np.flatnonzero(some["facility"] >= 0)
            if len(rows):
                yield partial(made, "facility_lines", month, chosen(some, rows), variant)


def _stays(world: World, layouts: Layouts) -> Iterator[Piece]:
    setting, stays, forms = world.setting, world.stays["mco"], world.forms
    own = stay_cells(setting, (world.people, world.cards), world.words, stays, forms)
    whole, years = mco_frame(setting, own, stays, forms, no_births(stays)), stays["year"]
    parts = {"chaining": (whole, years), "stays": (whole, years)}
    for table, (frame, row) in {
        "diagnoses": diagnoses_frame(setting, stays, forms), "acts": acts_frame(setting, stays, forms),
    }.items():  # fmt: skip
        parts[table] = (frame, years[row])
    yield from by_year(world, layouts, parts)
