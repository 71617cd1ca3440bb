# SPDX-License-Identifier: Apache-2.0
"""Deliveries in any order = one full ingest: late months, a corrected month, cards that certify persons afterwards.

The same former keys, too: who objects under one of them is out of a project whatever the order in which the cards came.
"""

import io
import random
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from rempart.journeys import compaction, ingest_delivery
from rempart.journeys.gross_parts import units_of
from rempart.journeys.parts import sealed_parts
from rempart.journeys.space import read_parts
from rempart.vault.part import SealedPart
from rempart.wiring import acts
from tests import small_delivery
from tests.faults.warehouse import place as warehouse_place
from tests.faults.warehouse.place import Place
from tests.ingest_house import bring, cut, declare, empty_warehouse, lines, values, whole_delivery

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole delivery lies, under ``whole``."""
    made = tmp_path_factory.mktemp("incremental")
    whole_delivery(made)
    return made


@pytest.fixture(scope="module")
def ingested(folder: Path) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """Content by table of one full ingest; former keys when older cards come after it, which change nothing else."""
    cut(folder / "whole", folder / "cards", random.Random(7), pieces=1)
    with empty_warehouse(folder / "full") as place:
        made = bring(place, folder / "whole")
        assert made.report is not None
        assert all(sheet.balanced for sheet in made.report.reconciliation)
        found = place.content()
        assert not former_keys(place) & changed_keys(folder / "cards" / "early", folder / "whole")
        assert {unit.fate for unit in bring(place, folder / "cards" / "early").units} == {"former", "older"}
        assert place.content() == found
        former = former_keys(place)
    assert len(set(found.values())) > 5
    assert len(former & changed_keys(folder / "cards" / "early", folder / "whole")) > 20
    return found, former


@pytest.fixture(scope="module")
def full(ingested: tuple[dict[str, str], set[tuple[str, str]]]) -> dict[str, str]:
    """Content by table of one full ingest."""
    return ingested[0]


def table(place: Place, name: str) -> list[dict[str, str]]:
    """Rows of a table of the warehouse's newest snapshot."""
    opened = place.body("warehouse")
    parts = [part for part in opened.body.parts if (part.table, part.sibling) == (name, "main")]
    found = read_parts(place.vault(), opened, parts, reference="")
    return [row for rows in found for row in parquet.read_table(io.BytesIO(bytes(rows))).to_pylist()]


def former_keys(place: Place) -> set[tuple[str, str]]:
    """(former key, key of today), as the source names persons."""
    sources = {row["pseudonym"]: row["source_pseudonym"] for row in table(place, "correspondence")}
    return {(sources[row["former"]], sources[row["pseudonym"]]) for row in table(place, "former_person")}


def changed_keys(early: Path, whole: Path) -> set[tuple[str, str]]:
    """(key in the first cards, another in the later ones) of every card in both."""
    keys: list[dict[tuple[str, str], str]] = []
    for folder in (early, whole):
        (path,) = folder.glob("IR_BEN_R.*")
        header, rows = lines(path)
        psa, rank, key = (header.index(name) for name in ("BEN_NIR_PSA", "BEN_RNG_GEM", "BEN_IDT_ANO"))
        keys.append({(row[psa], row[rank]): row[key] for row in rows})
    return {(keys[0][card], key) for card, key in keys[1].items() if keys[0].get(card, key) != key}


def in_order(place: Place, folders: list[Path], seed: int) -> dict[str, str]:
    """Bring deliveries in one after another, some compacted at once; the content at the end."""
    chance = random.Random(seed)
    for delivery in folders[:-1]:
        bring(place, delivery, later=chance.random() < 0.7)
    bring(place, folders[-1])
    return place.content()


@pytest.mark.parametrize("seed", [1, 2])
def test_deliveries_in_any_order_give_the_content_of_one_full_ingest(
    folder: Path,
    ingested: tuple[dict[str, str], set[tuple[str, str]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    """Seed 2 gives each shard a session of its own, as large warehouses have; the full ingest had one for all."""
    if seed == 2:
        monkeypatch.setattr(
            compaction.GrossParts, "together", lambda gross, _: [(shard,) for shard in range(gross.shards)]
        )
    chance = random.Random(seed)
    folders = cut(folder / "whole", tmp_path / "cut", chance)
    chance.shuffle(folders)
    with empty_warehouse(tmp_path / "house") as place:
        assert in_order(place, folders, seed) == ingested[0], [folder.name for folder in folders]
        assert former_keys(place) == ingested[1]
        again = bring(place, *folders)
        assert (again.commit, {unit.fate for unit in again.units}) == (None, {"held", "older"})
        assert place.run("audit", "verify", "--deep").answer["data"]["findings"] == []


KEYS = {"A": "KAAAAAAAAAAAAAAA1", "B": "KBBBBBBBBBBBBBBB1", "C": "KCCCCCCCCCCCCCCC1"}


def card_files(into: Path) -> dict[str, Path]:
    """One woman's card under three keys, certified at last, each in a delivery of its own; everything else beside the first."""
    others = [
        small_delivery.card(BEN_NIR_PSA=f"P{n:016d}", BEN_IDT_ANO=f"I{n:016d}", BEN_NIR_ANO=f"I{n:016d}")
        for n in range(30)
    ]
    for name, day in (("A", "2016-01-01"), ("B", "2016-06-01"), ("C", "2016-12-01")):
        top = "1" if name == "C" else "0"
        hers = small_delivery.card(BEN_IDT_ANO=KEYS[name], BEN_NIR_ANO=KEYS[name], BEN_IDT_TOP=top)
        tables = small_delivery.whole() if name == "A" else {}
        certificates = {"KI_CCI_R_2015": [small_delivery.certificate(BEN_IDT_ANO=KEYS["A"])]} if name == "A" else {}
        small_delivery.write(into / name, tables | certificates | {"IR_BEN_R": [hers, *others]})
        declare(into / name, day)
    return {name: into / name for name in KEYS}


@pytest.mark.parametrize("order", ["ABC", "CBA", "BCA"])
def test_an_objection_under_a_former_key_reaches_its_person_in_any_order_of_the_cards(
    tmp_path: Path, order: str
) -> None:
    acts.example("glitazones", tmp_path)
    warehouse_place._permits(tmp_path)
    folders = card_files(tmp_path / "cards")
    with empty_warehouse(tmp_path) as place:
        warehouse_place._people(place)
        fates = [{unit.fate for unit in bring(place, folders[name]).units if unit.name == "cards"} for name in order]
        assert fates[-1] == ({"replaces"} if order == "ABC" else {"former"})
        assert former_keys(place) == {(KEYS["A"], KEYS["C"]), (KEYS["B"], KEYS["C"])}
        assert len(table(place, "death")) == 1, "its certificate names the first key"
        assert bring(place, *folders.values()).commit is None
        (place.root / "list.csv").write_text(f"BEN_IDT_ANO\n{KEYS['A']}\n", encoding="utf-8")
        added = place.run(
            "objection", "add", str(place.root / "list.csv"), "--regime", "gdpr-21", "--key", place.key("officer")
        )
        assert added.code == 0, added.told
        assert place.grant("second").answer["data"]["persons"] == 30
        assert place.run("audit", "verify", "--deep").answer["data"]["findings"] == []


@pytest.mark.parametrize("waiting", ["B", "C"])
def test_no_grant_is_made_of_research_tables_that_do_not_know_all_units(tmp_path: Path, waiting: str) -> None:
    acts.example("glitazones", tmp_path)
    warehouse_place._permits(tmp_path)
    folders = card_files(tmp_path / "cards")
    with empty_warehouse(tmp_path) as place:
        warehouse_place._people(place)
        bring(place, folders["A"], folders["B" if waiting == "C" else "C"])
        bring(place, folders[waiting], later=True)
        refused = place.grant("first")
        assert (refused.code, refused.error) == (10, "research-stale"), "newer cards, or older ones with former keys"
        assert place.run("vault", "compact").code == 0
        assert place.grant("second").code == 0


def early_first(folder: Path, into: Path) -> list[Path]:
    """The uncorrected delivery, then the others."""
    return cut(folder / "whole", into, random.Random(7), pieces=2)


def test_a_mutant_that_moves_no_name_is_seen(
    folder: Path, full: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compaction.settle
    # Of shards that one session takes together, no name has to move.
    monkeypatch.setattr(compaction.GrossParts, "together", lambda gross, _: [(shard,) for shard in range(gross.shards)])
    monkeypatch.setattr(compaction, "settle", lambda query: whole(query).slice(0, 0))
    with empty_warehouse(tmp_path / "house") as place:
        assert in_order(place, early_first(folder, tmp_path / "cut"), 1) != full


def test_a_mutant_that_supersedes_nothing_is_seen(
    folder: Path, full: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "dead_flows", lambda units, **_: {})
    monkeypatch.setattr(ingest_delivery, "outlived", lambda units: set())
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
