# SPDX-License-Identifier: Apache-2.0
"""Who objected under a key that a later delivery of the cards changes stays out, though the cards of before are superseded."""

import csv
import gzip
import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rempart.journeys import unit_register
from rempart.journeys.space import open_space, read_parts
from rempart.wiring import acts
from tests.faults.warehouse import place as warehouse_place
from tests.faults.warehouse.place import Place
from tests.ingest_house import bring, declare, empty_warehouse, rewrite, uncertified, whole_delivery

pytestmark = pytest.mark.slow
CARDS = "IR_BEN_R."


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Cards that are not certified, the cards as they are delivered later, and everything else."""

    before: Path
    later: Path
    others: Path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """One delivery in three."""
    made = tmp_path_factory.mktemp("followed")
    found = Folders(before=made / "before", later=made / "later", others=whole_delivery(made))
    for folder, produced in ((found.before, "2016-01-01"), (found.later, "2016-06-01")):
        folder.mkdir()
        declare(folder, produced)
    (cards,) = [path for path in found.others.iterdir() if path.name.startswith(CARDS)]
    shutil.move(cards, found.later)
    rewrite(found.later / cards.name, found.before / cards.name, uncertified)
    return found


@pytest.fixture
def place(folders: Folders, tmp_path: Path) -> Iterator[Place]:
    """The first cards and everything else, compacted, and the people that act on it."""
    with empty_warehouse(tmp_path) as made:
        acts.example("glitazones", tmp_path)
        warehouse_place._permits(tmp_path)
        warehouse_place._people(made)
        bring(made, folders.before, later=True)
        bring(made, folders.others)
        yield made


def column(place: Place, table: str, sibling: str, name: str, *, space: str = "warehouse") -> list[Any]:
    """Values of a column, of every part of the newest snapshot."""
    vault = place.vault()
    opened = open_space(vault, space=space, reference="")
    parts = [part for part in opened.body.parts if (part.table, part.sibling) == (table, sibling)]
    found = read_parts(vault, opened, parts, reference="")
    return [value for rows in found for value in pq.read_table(io.BytesIO(bytes(rows)))[name].to_pylist()]


def persons(place: Place) -> dict[str, str]:
    """Key of the source → pseudonym, of everybody who is a person now."""
    sources, names = (column(place, "correspondence", "main", name) for name in ("source_pseudonym", "pseudonym"))
    now = set(column(place, "person", "release_index", "pseudonym"))
    return {source: name for source, name in zip(sources, names, strict=True) if name in now}


def keys_of(folder: Path) -> set[str]:
    """Person keys of a delivery's cards."""
    (path,) = folder.glob(f"{CARDS}*")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        return {row["BEN_IDT_ANO"] for row in csv.DictReader(stream, delimiter=";")}


def changing(place: Place, later: Path) -> list[str]:
    """Keys that the later cards do not hold any more."""
    return sorted(persons(place).keys() - keys_of(later))


def objecting(place: Place, verb: str, names: list[str]) -> int:
    """Add or withdraw; how many the change touched."""
    file = place.root / "list.csv"
    file.write_text("BEN_IDT_ANO\n" + "\n".join(names) + "\n", encoding="utf-8")
    done = place.run("objection", verb, str(file), "--regime", "snds", "--key", place.key("officer"))
    assert done.code == 0, done.told
    return int(done.answer["data"]["changed"])


def granted(place: Place, permit: str) -> int:
    """Persons of a project granted now."""
    done = place.grant(permit)
    assert done.code == 0, done.told
    return int(done.answer["data"]["persons"])


def test_who_objected_under_a_former_key_is_in_no_project_granted_afterwards(place: Place, folders: Folders) -> None:
    former = changing(place, folders.later)
    assert len(former) > 8
    assert objecting(place, "add", former[:5]) == 5
    made = bring(place, folders.later)
    assert made.report is not None
    assert {step.what: step.count for step in made.report.persons}["objections-followed"] == 5
    everyone = persons(place)
    assert not everyone.keys() & set(former)
    assert granted(place, "first") == len(everyone) - 5
    assert place.run("audit", "verify", "--deep").answer["data"]["findings"] == []
    assert objecting(place, "add", former[5:7]) == 2, "under a key that is former already"
    assert granted(place, "second") == len(everyone) - 7
    place.run("objection", "apply", "--key", place.key("officer"))
    assert len(column(place, "person", "main", "person_id", space="project:first")) == len(everyone) - 7
    left = sorted(set(everyone) - set(former))
    today = [key for key in left if everyone[key] in _reached(place)]
    assert len(today) == 7
    assert objecting(place, "withdraw", today[:2]) == 2, "under the key of today"
    assert granted(place, "third") == len(everyone) - 5


def test_an_objection_under_a_key_that_is_not_known_yet_waits_for_it(place: Place, folders: Folders) -> None:
    unknown = sorted(keys_of(folders.later) - persons(place).keys())[:3]
    assert objecting(place, "add", unknown) == 3
    bring(place, folders.later)
    assert set(unknown) < persons(place).keys()
    assert granted(place, "first") == len(persons(place)) - 3


def cards_of(folder: Path) -> list[dict[str, str]]:
    """The lines of a delivery's cards."""
    (path,) = folder.glob(f"{CARDS}*")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


def by_card(place: Place, header: str, lines: list[str], verb: str = "add") -> dict[str, Any]:
    """An objection of names under ``header``; what the officer is told."""
    file = place.root / "cards.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    done = place.run("objection", verb, str(file), "--regime", "snds", "--key", place.key("officer"))
    assert done.code == 0, done.told
    return dict(done.answer["data"])


def test_a_source_pseudonym_leaves_out_whoever_holds_it_and_an_invented_one_is_said_to_be_unknown(
    place: Place, folders: Folders
) -> None:
    everyone = persons(place)
    known = [card for card in cards_of(folders.before) if card["BEN_IDT_ANO"] in everyone]
    alone, rank = known[0], known[1]
    held = {c["BEN_IDT_ANO"] for c in known if c["BEN_NIR_PSA"] == alone["BEN_NIR_PSA"]}
    assert rank["BEN_IDT_ANO"] not in held
    told = by_card(place, "BEN_NIR_PSA", [alone["BEN_NIR_PSA"], "INVENTED1", "INVENTED2"])
    assert (told["named"], told["known"]) == (3, 1)
    told = by_card(place, "BEN_NIR_PSA;BEN_RNG_GEM", [f"{rank['BEN_NIR_PSA']};{rank['BEN_RNG_GEM']}"])
    assert (told["named"], told["known"]) == (1, 1)
    assert {everyone[key] for key in held | {rank["BEN_IDT_ANO"]}} <= set(
        column(place, "objection", "main", "pseudonym")
    )
    (listed,) = place.run("objection", "list").answer["data"]["regimes"]
    assert (listed["persons"], listed["known"], listed["waiting"]) == (len(held) + 5, len(held) + 1, 4), (
        "the two found ones wait for others too"
    )
    assert told["waiting"] == 4
    assert granted(place, "first") == len(everyone) - len(held) - 1
    assert by_card(place, "BEN_NIR_PSA", [alone["BEN_NIR_PSA"]], "withdraw")["waiting"] == 3
    assert granted(place, "second") == len(everyone) - 1


def test_a_source_pseudonym_that_nobody_holds_yet_waits_for_its_card(
    place: Place, folders: Folders, tmp_path: Path
) -> None:
    later = tmp_path / "renamed"
    later.mkdir()
    declare(later, "2016-07-01")
    (cards,) = folders.later.glob(f"{CARDS}*")
    chosen = next(card["BEN_NIR_PSA"] for card in cards_of(folders.later) if card["BEN_IDT_ANO"] in persons(place))
    text = gzip.decompress(cards.read_bytes()).decode().replace(chosen, "NEW" + chosen[3:])
    (later / cards.name).write_bytes(gzip.compress(text.encode()))
    told = by_card(place, "BEN_NIR_PSA", ["NEW" + chosen[3:]])
    assert (told["named"], told["known"], told["objections"], told["waiting"]) == (1, 0, 1, 1)
    everyone = len(persons(place))
    assert granted(place, "first") == everyone
    bring(place, later)
    (listed,) = place.run("objection", "list").answer["data"]["regimes"]
    assert (listed["known"], listed["waiting"]) == (1, 0)
    assert granted(place, "second") < len(persons(place))


def deliver(place: Place, folders: Folders, produced: str, rows: list[dict[str, str]]) -> None:
    """Cards delivered as of ``produced``, with nothing else."""
    folder = place.root / f"cards-{produced}"
    folder.mkdir()
    declare(folder, produced)
    (model,) = folders.before.glob(f"{CARDS}*")
    with gzip.open(folder / model.name, "wt", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    bring(place, folder)


def alone(place: Place, folder: Path, count: int) -> list[dict[str, str]]:
    """Certified cards of so many persons who have one card, under a pseudonym of their own."""
    cards, everyone = cards_of(folder), persons(place)
    keys, psas = ([card[name] for card in cards] for name in ("BEN_IDT_ANO", "BEN_NIR_PSA"))
    found = [
        card
        for card in cards
        if card["BEN_IDT_ANO"] in everyone
        and card["BEN_IDT_TOP"] == "1"
        and keys.count(card["BEN_IDT_ANO"]) == psas.count(card["BEN_NIR_PSA"]) == 1
    ]
    assert len(found) >= count
    return found[:count]


def test_a_pseudonym_that_only_cards_of_before_held_reaches_everybody_whom_their_key_became(
    place: Place, folders: Folders
) -> None:
    one, two = alone(place, folders.before, 2)
    key, unseen, other = one["BEN_IDT_ANO"][::-1], one["BEN_NIR_PSA"][::-1], two["BEN_NIR_PSA"][::-1]
    assert key not in persons(place)
    assert by_card(place, "BEN_NIR_PSA", [unseen])["known"] == 0
    held = [one | {"BEN_NIR_PSA": unseen}, two | {"BEN_NIR_PSA": other}, one, two]
    deliver(place, folders, "2015-01-01", [card | {"BEN_IDT_ANO": key} for card in held])
    everyone = len(persons(place))
    assert granted(place, "first") == everyone - 2, "it waited"
    assert by_card(place, "BEN_NIR_PSA", [unseen], "withdraw")["changed"] >= 1
    assert granted(place, "second") == everyone
    assert by_card(place, "BEN_NIR_PSA", [other])["known"] == 1
    assert granted(place, "third") == everyone - 2, "another, when its cards are superseded already"


def test_a_provisional_key_of_a_card_that_came_certified_is_that_cards_person(place: Place, folders: Folders) -> None:
    one, two = alone(place, folders.before, 2)
    unseen = two["BEN_NIR_PSA"][::-1]
    everyone = len(persons(place))
    names = [f"{psa}{int(card['BEN_RNG_GEM'])}" for card, psa in ((one, one["BEN_NIR_PSA"]), (two, unseen))]
    assert not persons(place).keys() & set(names)
    assert by_card(place, "BEN_IDT_ANO", names)["known"] == 1
    assert granted(place, "first") == everyone - 1
    deliver(place, folders, "2016-07-01", [*cards_of(folders.before), two | {"BEN_NIR_PSA": unseen}])
    assert len(persons(place)) == everyone
    assert granted(place, "second") == everyone - 2
    by_card(place, "BEN_IDT_ANO", names[:1], "withdraw")
    assert granted(place, "third") == everyone - 1


def test_a_pseudonym_that_was_somebodys_when_added_reaches_who_shares_it_later(place: Place, folders: Folders) -> None:
    one, two = alone(place, folders.before, 2)
    assert by_card(place, "BEN_NIR_PSA", [one["BEN_NIR_PSA"]])["known"] == 1
    everyone = len(persons(place))
    assert granted(place, "first") == everyone - 1
    shared = two | {"BEN_NIR_PSA": one["BEN_NIR_PSA"], "BEN_RNG_GEM": str(int(one["BEN_RNG_GEM"]) + 1)}
    deliver(place, folders, "2016-07-01", [*cards_of(folders.before), shared])
    assert len(persons(place)) == everyone
    assert granted(place, "second") == everyone - 2
    objecting(place, "withdraw", [one["BEN_IDT_ANO"]])
    assert granted(place, "third") == everyone - 1


def test_who_is_taken_back_by_key_does_not_return_by_a_pseudonym_that_is_not_paired_yet(
    place: Place, folders: Folders
) -> None:
    (one,) = alone(place, folders.before, 1)
    by_card(place, "BEN_NIR_PSA", [one["BEN_NIR_PSA"]])
    assert objecting(place, "withdraw", [one["BEN_IDT_ANO"]]) == 2
    deliver(place, folders, "2016-07-01", cards_of(folders.before))
    assert granted(place, "first") == len(persons(place))


def _reached(place: Place) -> set[str]:
    """Pseudonyms of today of who objects under a former key."""
    out = set(column(place, "objection", "main", "pseudonym"))
    pairs = (column(place, "former_person", "main", name) for name in ("former", "pseudonym"))
    return {now for former, now in zip(*pairs, strict=True) if former in out}


def test_without_the_cards_of_before_they_would_be_let_in(
    place: Place, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_register, "CARDS", "")
    objecting(place, "add", changing(place, folders.later)[:5])
    bring(place, folders.later)
    assert granted(place, "first") == len(persons(place))
