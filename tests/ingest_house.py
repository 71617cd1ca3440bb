# SPDX-License-Identifier: Apache-2.0
"""A small delivery cut into many, and empty warehouses to bring them into. Asserts nothing."""

import contextlib
import functools
import gzip
import random
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import pytest

from rempart.keys.root_key import QUICK
from rempart.wiring import acts
from rempart.wiring.broker import keys_init
from rempart.wiring.ingest import Brought, ingest_delivery
from rempart.wiring.synthetic import write_synthetic
from tests.faults.warehouse import place as warehouse_place
from tests.faults.warehouse.place import Place, Silence, served

LAST_FLOW = "201212"
_MONTH = re.compile(r"_(\d{6})\.")


@contextlib.contextmanager
def empty_warehouse(root: Path) -> Iterator[Place]:
    """A warehouse without any snapshot, with its broker."""
    place = Place(root)
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr(acts, "keys_init", functools.partial(keys_init, cost=QUICK))
        patch.setattr(acts, "start_broker", lambda directory, **_: stack.enter_context(served(directory)).status())
        warehouse_place._init(place)
        yield place


def bring(place: Place, *folders: Path, **more: bool) -> Brought:
    """Ingest folders in one call."""
    replace = more.pop("replace", False)
    return ingest_delivery(
        place.warehouse(),
        folders,
        form="snds",
        replace=replace,
        progress=Silence(),
        **more,  # type: ignore[arg-type]
    )


def whole_delivery(folder: Path, *, persons: int = 60, seed: int = 5) -> Path:
    """A year of flows and two of stays, with every referential, declared as of 2016-06-01."""
    write_synthetic(
        folder / "synth",
        persons=persons,
        first_year=2012,
        last_year=2013,
        seed=seed,
        effect=2.0,
        mark=None,
        progress=Silence(),
    )
    whole = folder / "whole"
    whole.mkdir()
    for path in sorted((folder / "synth" / "delivery").iterdir()):
        month = _MONTH.search(path.name)
        if month is None or month[1] <= LAST_FLOW:
            shutil.copy(path, whole)
    declare(whole, "2016-06-01")
    return whole


def declare(folder: Path, produced: str) -> None:
    """Say when a delivery was produced."""
    text = f'schema = "rempart.delivery/1"\nid = "{folder.name}"\nproduced = {produced}\n'
    (folder / "delivery.toml").write_text(text, encoding="utf-8")


def cut(whole: Path, into: Path, chance: random.Random, *, pieces: int = 4) -> list[Path]:
    """The same content as several deliveries: a first card file that the last corrects, a month that a later delivery corrects,
    and everything else dealt out by units."""
    folders = [into / f"piece-{number}" for number in range(pieces)]
    for folder in folders:
        folder.mkdir(parents=True)
        declare(folder, "2016-06-01")
    units: dict[str, Path] = {}
    for path in sorted(whole.iterdir()):
        if path.name != "delivery.toml":
            folder = units.setdefault(unit_key(path.name), chance.choice(folders))
            shutil.copy(path, folder)
    early = into / "early"
    early.mkdir()
    declare(early, "2016-01-01")
    month = chance.choice([key for key in units if key.isdecimal()])
    for path in whole.iterdir():
        if path.name.startswith("IR_BEN_R."):
            rewrite(path, early / path.name, uncertified)
        if unit_key(path.name) == month:
            rewrite(path, early / path.name, incomplete)
    return [early, *folders]


def unit_key(name: str) -> str:
    """Files of equal keys belong to one unit: months by month, stays by year, everything else by itself."""
    month = _MONTH.search(name)
    stay = re.match(r"T_([A-Z]+)(\d\d)", name)
    return month[1] if month else f"{stay[1]} {stay[2]}" if stay else name.split("_20")[0].replace("_ARC", "")


def lines(source: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a CSV file without quotes."""
    opener = gzip.open if source.name.endswith(".gz") else open
    with opener(source, "rt", encoding="utf-8") as stream:  # type: ignore[operator]
        header, *rows = [line.rstrip("\r\n").split(";") for line in stream]
    return header, rows


def values(source: Path, columns: Collection[str]) -> set[str]:
    """Everything that stands in those columns of a file."""
    header, rows = lines(source)
    places = [place for place, name in enumerate(header) if name in columns]
    return {row[place] for row in rows for place in places}


def rewrite(source: Path, target: Path, change: Callable[[list[str], list[list[str]]], list[list[str]]]) -> None:
    """A copy of a CSV file with changed rows."""
    header, rows = lines(source)
    opener = gzip.open if target.name.endswith(".gz") else open
    with opener(target, "wt", encoding="utf-8") as stream:  # type: ignore[operator]
        stream.writelines(";".join(row) + "\n" for row in [header, *change(header, rows)])


def uncertified(header: Sequence[str], rows: list[list[str]]) -> list[list[str]]:
    """Every second card under another person key, not certified yet, and known since earlier."""
    key, certified, updated = (header.index(name) for name in ("BEN_IDT_ANO", "BEN_IDT_TOP", "BEN_DTE_MAJ"))
    for number, row in enumerate(rows):
        if number % 2:
            row[key], row[certified] = row[header.index("BEN_NIR_PSA")][::-1], "0"
        row[updated] = "2011-01-01"
    return rows


def incomplete(_: Sequence[str], rows: list[list[str]]) -> list[list[str]]:
    """A month as it was first delivered: the first two thirds of its lines."""
    return rows[: 2 * len(rows) // 3]
