# SPDX-License-Identifier: Apache-2.0
"""Deliveries in any order = one full ingest: late months, a corrected month, cards that certify persons afterwards."""

import random
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.journeys import compaction, ingest_delivery
from rempart.journeys.gross_parts import units_of
from rempart.journeys.parts import sealed_parts
from rempart.vault.part import SealedPart
from tests.faults.warehouse.place import Place
from tests.ingest_house import bring, cut, empty_warehouse, values, whole_delivery

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole delivery lies, under ``whole``."""
    made = tmp_path_factory.mktemp("incremental")
    whole_delivery(made)
    return made


@pytest.fixture(scope="module")
def full(folder: Path) -> dict[str, str]:
    """Content by table of one full ingest."""
    with empty_warehouse(folder / "full") as place:
        made = bring(place, folder / "whole")
        assert made.report is not None
        assert all(sheet.balanced for sheet in made.report.reconciliation)
        found = place.content()
    assert len(set(found.values())) > 5
    return found


def in_order(place: Place, folders: list[Path], seed: int) -> dict[str, str]:
    """Bring deliveries in one after another, some compacted at once; the content at the end."""
    chance = random.Random(seed)
    for delivery in folders[:-1]:
        bring(place, delivery, later=chance.random() < 0.7)
    bring(place, folders[-1])
    return place.content()


@pytest.mark.parametrize("seed", [1, 2])
def test_deliveries_in_any_order_give_the_content_of_one_full_ingest(
    folder: Path, full: dict[str, str], tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    folders = cut(folder / "whole", tmp_path / "cut", chance)
    chance.shuffle(folders)
    with empty_warehouse(tmp_path / "house") as place:
        assert in_order(place, folders, seed) == full, [folder.name for folder in folders]
        again = bring(place, *folders)
        assert (again.commit, {unit.fate for unit in again.units}) == (None, {"held", "older"})
        assert place.run("audit", "verify", "--deep").answer["data"]["findings"] == []


def early_first(folder: Path, into: Path) -> list[Path]:
    """The uncorrected delivery, then the others."""
    return cut(folder / "whole", into, random.Random(7), pieces=2)


def test_a_mutant_that_moves_no_name_is_seen(
    folder: Path, full: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compaction.settle
    monkeypatch.setattr(compaction, "settle", lambda query: whole(query).slice(0, 0))
    with empty_warehouse(tmp_path / "house") as place:
        assert in_order(place, early_first(folder, tmp_path / "cut"), 1) != full


def test_a_mutant_that_supersedes_nothing_is_seen(
    folder: Path, full: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (compaction, ingest_delivery):
        monkeypatch.setattr(module, "dead_flows", lambda units: {})
    with empty_warehouse(tmp_path / "house") as place:
        assert in_order(place, early_first(folder, tmp_path / "cut"), 1) != full


def test_a_new_month_adds_parts_and_rewrites_none_and_the_month_before_its_correction_stays_provable(
    folder: Path, tmp_path: Path
) -> None:
    early, first, second = early_first(folder, tmp_path / "cut")
    with empty_warehouse(tmp_path / "house") as place:
        bring(place, early, first, later=True)
        before = place.body("warehouse")
        bring(place, second, later=True)
        after = place.body("warehouse")
        old = {part.object for part in before.body.parts}
        assert old - {part.object for part in after.body.parts} == set()
        assert {unit for part in after.body.parts if part.object not in old for unit in units_of(part)} > set()
        made = bring(place, early)
        assert {unit.fate for unit in made.units} == {"older"}


NAMES = {"BEN_NIR_PSA", "BEN_NIR_ANO", "BEN_IDT_ANO", "ASS_NIR_ANO", "PFS_EXE_NUM", "PFS_PRE_NUM"}


def texts(part: SealedPart) -> set[str]:
    """Every text in a part."""
    table = parquet.read_table(pa.BufferReader(part.read(0, part.length)))
    columns = [
        column for column in table.columns if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    ]
    return {value for column in columns for value in column.unique().to_pylist() if value is not None}


def test_no_name_of_the_source_reaches_a_gross_part(folder: Path, tmp_path: Path) -> None:
    sources = [path for path in (folder / "whole").iterdir() if path.name != "delivery.toml"]
    named = {value for path in sources for value in values(path, NAMES) if len(value) > 5}
    assert len(named) > 100
    with empty_warehouse(tmp_path / "house") as place:
        bring(place, folder / "whole", later=True)
        opened = place.body("warehouse")
        found = {"gross": set[str](), "correspondence": set[str](), "name": set[str]()}
        readers = sealed_parts(place.vault(), opened, opened.body.parts, reference="")
        for entry, reader in zip(opened.body.parts, readers, strict=True):
            found[entry.table.partition("_")[0]] |= texts(reader)
    assert len(found["gross"]) > 100
    assert found["gross"] & named == set()
    assert found["name"] & named == set()
    assert found["correspondence"] & named, "the one place of a person's own text"
