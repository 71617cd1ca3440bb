# SPDX-License-Identifier: Apache-2.0
"""An objection leaves datasets to come and, where its regime says so, those that run: row by row, without touching anyone else."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.journeys.space import OpenSpace, open_space, read_parts
from tests.faults.warehouse.place import Place

Rows = dict[tuple[str, str, int], pa.Table]
PROJECT = "project:first"


def clear(place: Place, space: str, head: str | None = None) -> tuple[OpenSpace, Rows]:
    """A snapshot and the rows of each of its parts."""
    vault = place.vault()
    opened = open_space(vault, space=space, reference="", head=head)
    data = read_parts(vault, opened, opened.body.parts, reference="")
    return opened, {
        (p.table, p.sibling, p.shard): pq.read_table(io.BytesIO(bytes(rows)))
        for p, rows in zip(opened.body.parts, data, strict=True)
    }


def column(rows: Rows, table: str, sibling: str, name: str) -> list[object]:
    return [value for place, part in rows.items() if place[:2] == (table, sibling) for value in part[name].to_pylist()]


def some_persons(place: Place, count: int) -> tuple[list[str], set[object]]:
    """Persons as the source names them, and the ids that the running project knows them by."""
    opened, project = clear(place, PROJECT)
    head = next(line for line in opened.body.lineage if line.startswith("source-head:")).partition(":")[2]
    _, source = clear(place, "warehouse", head)
    named = dict(
        zip(
            column(source, "correspondence", "main", "pseudonym"),
            column(source, "correspondence", "main", "source_pseudonym"),
            strict=True,
        )
    )
    index = dict(
        zip(
            column(source, "person", "release_index", "release_index"),
            column(source, "person", "release_index", "pseudonym"),
            strict=True,
        )
    )
    ids = zip(
        column(project, "person", "release_index", "release_index"),
        column(project, "person", "release_index", "person_id"),
        strict=True,
    )
    # those with most rows: an application that missed a table would show
    known = {number: str(named[index[key]]) for key, number in ids}
    weight = {number: column(project, "drug_exposure", "main", "person_id").count(number) for number in known}
    chosen = sorted(known, key=lambda number: -weight[number])[:count]
    assert weight[chosen[0]] > 0
    return [known[number] for number in chosen], set(chosen)


def objecting(place: Place, verb: str, names: list[str], *more: str) -> dict[str, object]:
    file = place.root / "objecting.csv"
    file.write_text("BEN_IDT_ANO\n" + "\n".join(names) + "\n", encoding="utf-8")
    said = place.run("objection", verb, str(file), "--key", place.key("officer"), *more)
    assert said.code == 0, said.told
    assert not any(name in said.told for name in names)
    data: dict[str, object] = said.answer["data"]
    return data


def test_an_objection_leaves_a_running_dataset_and_nobody_else_moves(place: Place) -> None:
    names, gone = some_persons(place, 3)
    before_space, before = clear(place, PROJECT)
    said = objecting(place, "add", names, "--regime", "gdpr-21")
    (project,) = said["projects"]  # type: ignore[misc]
    assert (said["objections"], project["persons"], project["project"]) == (3, 3, "first")
    after_space, after = clear(place, PROJECT)
    assert after_space.commit.parent == before_space.commit.head
    for key, rows in before.items():
        kept = [row for row in rows.to_pylist() if row["person_id"] not in gone]
        assert after[key].to_pylist() == kept
        assert after[key].schema.equals(rows.schema)
    touched = {key[2] for key, rows in before.items() if gone & set(rows["person_id"].to_pylist())}
    same = {p.object for p in before_space.body.parts if p.shard not in touched}
    assert same <= {p.object for p in after_space.body.parts}
    assert project["shards"] == len(touched)


def test_a_second_application_changes_nothing_and_the_ledger_holds(place: Place) -> None:
    names, _ = some_persons(place, 2)
    objecting(place, "add", names, "--regime", "snds")
    head = clear(place, PROJECT)[0].commit.head
    again = place.run("objection", "apply", "--key", place.key("officer"))
    assert [row["persons"] for row in again.answer["data"]["projects"]] == [0]
    assert clear(place, PROJECT)[0].commit.head == head
    plan = place.run("objection", "apply", "--plan")
    assert [row[0] for row in plan.answer["data"]["projects"]] == ["first"]
    audit = place.run("audit", "verify")
    assert audit.code == 0, audit.told


def test_an_opt_out_reaches_only_datasets_to_come(place: Place) -> None:
    names, gone = some_persons(place, 2)
    assert objecting(place, "add", names, "--regime", "ehds-71")["projects"] == []
    again = place.run("objection", "apply", "--key", place.key("officer"))
    assert [row["persons"] for row in again.answer["data"]["projects"]] == [0]
    _, project = clear(place, PROJECT)
    assert gone <= set(column(project, "person", "main", "person_id"))


def test_withdrawing_lets_a_person_into_the_next_dataset_and_counts_say_how_many_stand(place: Place) -> None:
    names, _ = some_persons(place, 3)
    objecting(place, "add", names, "--regime", "ehds-71")
    objecting(place, "add", names[:1], "--regime", "snds")
    listed = {row["regime"]: row["persons"] for row in place.run("objection", "list").answer["data"]["regimes"]}
    assert listed == {"ehds-71": 3, "snds": 1}
    assert objecting(place, "withdraw", names[:2], "--regime", "ehds-71")["objections"] == 2
    granted = place.grant("second")
    everyone = clear(place, "warehouse")[1]
    assert granted.answer["data"]["persons"] == len(column(everyone, "person", "main", "pseudonym")) - 2


def test_only_an_officer_changes_objections_and_nobody_is_named_on_the_command_line(
    place: Place, tmp_path: Path
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("BEN_IDT_ANO\nABC\n", encoding="utf-8")
    for verb in ("add", "withdraw"):
        refused = place.run("objection", verb, str(listed), "--regime", "snds", "--key", place.key("bob"))
        assert (refused.code, refused.error) == (10, "role-missing")
    assert place.run("objection", "apply", "--key", place.key("bob")).error == "role-missing"
    assert place.run("objection", "add", str(listed), "--regime", "no", "--key", place.key("officer")).error == (
        "objection-regime"
    )
    typed = place.run("objection", "add", "--regime", "snds", "--key", place.key("officer"))
    assert typed.error == "typed-nobody"
