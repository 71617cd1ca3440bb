# SPDX-License-Identifier: Apache-2.0
"""Writes a synthetic delivery and its truth to a folder: ``OUT/delivery/*.csv.gz``, ``OUT/truth.json``, ``OUT/truth_*.csv.gz``.

Block after block, so that memory does not grow with the number of persons. It invents nothing itself.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.delivery_files import FORMS, Written, append
from rempart.errors import BadInput, Refused
from rempart.synthetic.delivery import pieces
from rempart.synthetic.facts import delivered_stays_table, net_quantities, net_totals
from rempart.synthetic.large import make_large_world
from rempart.synthetic.plan import SyntheticPlan
from rempart.synthetic.studies_truth import study_rows
from rempart.synthetic.truth import TruthBook
from rempart.synthetic.truth_persons import persons_table
from rempart.synthetic.world import World, make_world

_TABLES = (
    "layouts", "layouts_whole", "codes", "model", "places", "care", "demography", "studies", "marginal",
)  # fmt: skip
_TRUTHS = ("persons", "net", "stays", "studies")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySummary:
    """What was written: folder, number of files, rows by table, planted canaries, and the truth file's content."""

    delivery: Path
    files: int
    lines: dict[str, int] = field(default_factory=dict)
    canaries: list[str] = field(default_factory=list)
    truth: dict[str, Any] = field(default_factory=dict)


def synthetic_tables() -> dict[str, Any]:
    """The data files of the room, parsed, as ``SyntheticPlan.tables`` wants them."""
    return {name: package_data.toml(f"synthetic/{name}.toml") for name in _TABLES}


def write_delivery(
    out: Path,
    plan: SyntheticPlan,
    progress: Progress | None = None,
    *,
    form: str = FORMS[0],
    facts: bool = True,
    drawn: Callable[[int, int], None] | None = None,
) -> DeliverySummary:
    """Write everything, a block of persons at a time. ``progress(file name, persons done, persons in all)``; ``drawn(done, in all)``: of
    the potential outcomes of a marginal truth that is not kept.

    ``facts``: also the truth row by row of a whole delivery. Raises Refused ``synth-not-empty``, BadInput ``file-unwritable``.
    """
    folder = _folder(out, plan)
    book, written = TruthBook(plan), Written(folder, plan, form)
    for part in plan.blocks():
        _block(out, part, (book, written), progress or _silent, facts=facts and plan.whole)
    written.declare()
    told = book.told(written.lines, written.files, drawn)
    (out / "truth.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return DeliverySummary(
        delivery=folder, files=len(written.files), lines=written.lines, canaries=told["canaries"], truth=told
    )


def _block(out: Path, part: SyntheticPlan, kept: tuple[TruthBook, Written], progress: Progress, *, facts: bool) -> None:
    """One block of persons, drawn, counted, written and forgotten."""
    book, written = kept
    world = make_large_world(part) if part.whole else make_world(part)
    made, counts = pieces(world)
    first = book.persons
    book.add(world, counts)
    written.block = part.block
    for done, piece in enumerate(made, start=1):
        name = written.add(piece())
        progress(name, part.first_person + part.persons * done // len(made), book.plan.persons)
    append(out / "truth_persons.csv.gz", persons_table(world, first))
    if facts:
        _facts(out, book, world, first)


def _silent(name: str, done: int, total: int) -> None:
    """No progress is told."""


def _folder(out: Path, plan: SyntheticPlan) -> Path:
    folder = out / ("deliveries" if plan.monthly else "delivery")
    if folder.exists() and any(folder.iterdir()):
        raise Refused("synth-not-empty", folder=str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for word in _TRUTHS:
            (out / f"truth_{word}.csv.gz").unlink(missing_ok=True)
    except OSError as error:
        raise BadInput("file-unwritable", file=out.name) from error
    return folder


def _facts(out: Path, book: TruthBook, world: World, first: int) -> None:
    """The truth row by row: net quantities, stays, persons of the studies."""
    net = net_quantities(world, first)
    book.add_net(net_totals(net))
    append(out / "truth_net.csv.gz", net)
    for table in delivered_stays_table(world, first):
        append(out / "truth_stays.csv.gz", table)
    if world.planted and world.planted.facts:
        append(out / "truth_studies.csv.gz", study_rows(world.planted, world.calendar, first))
