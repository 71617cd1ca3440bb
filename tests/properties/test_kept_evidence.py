# SPDX-License-Identifier: Apache-2.0
"""Evidence kept between runs: what was kept comes back exactly, to its own permit, snapshot, epoch and version alone, and never grows."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.adapters.cache_directory import CacheDirectory
from rempart.adapters.scratch_directory import ScratchDirectory
from rempart.adapters.surroundings import SystemRandomness
from rempart.errors import NotTrusted
from rempart.journeys.kept_evidence import KeptEvidence
from rempart.journeys.study_todo import left_to_do, of_this_version
from rempart.keys.envelope import unwrap, wrap
from rempart.ports.broker import Broker
from rempart.records.sealed import KeyContext
from rempart.study.evidence import Evidence, empty, merge, schema_of
from rempart.study.evidence_parts import by_part, of_part

A, B = "a" * 64, "b" * 64


class OneKey:
    """A broker of one table key: it wraps and unwraps within its context."""

    def wrap(self, _: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """As the broker does."""
        return [wrap(b"k" * 32, key, context=c.associated_data(), nonce=os.urandom(12)) for c, key in items]

    def unwrap(self, _: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """As the broker does."""
        return [unwrap(b"k" * 32, blob, context=c.associated_data()) for c, blob in items]


def kept(folder: Path, **other: Any) -> KeptEvidence:
    """Kept evidence of one permit's snapshot."""
    made = KeptEvidence(
        cache=CacheDirectory(folder),
        broker=cast(Broker, OneKey()),
        randomness=SystemRandomness(),
        warehouse="w" * 32,
        space="project:x",
        permit="P-2026-0001",
        head="sha256:1",
        epoch=1,
        made_by="1",
    )
    return dataclasses.replace(made, **other)


def evidence(rows: Sequence[tuple[str, int, int]]) -> Evidence:
    """Attrition and cells of (frame, day, n)."""
    cells = [
        {"frame": f, "arm": "target", "pattern": "p", "entry_day": 0, "exit_day": day, "status": 1, "n": n}
        for f, day, n in rows
    ]
    steps = [{"frame": f, "step": "01", "arm": "all", "n": n} for f, _, n in rows]
    return merge(
        [
            {
                **empty(),
                "cells": pa.Table.from_pylist(cells, schema=schema_of("cells")),
                "attrition": pa.Table.from_pylist(steps, schema=schema_of("attrition")),
            }
        ]
    )


def same(one: Evidence, other: Evidence) -> bool:
    """Whether they hold the same rows."""
    return all(one[name].equals(other[name]) for name in empty())


Rows = st.lists(st.tuples(st.sampled_from(["x/a", "x/b", "y"]), st.integers(0, 3), st.integers(1, 2**40)), max_size=8)


@given(Rows)
def test_evidence_by_part_is_the_whole_again(rows: list[tuple[str, int, int]]) -> None:
    whole = evidence(rows)
    apart = by_part(whole, ["frame:x/a", "frame:x/b", "frame:y"])
    assert same(merge(list(apart.values())), whole)
    assert all(set(part["cells"]["frame"].to_pylist()) <= {name.removeprefix("frame:")} for name, part in apart.items())


@given(Rows)
def test_evidence_that_belongs_to_no_part_is_not_kept(rows: list[tuple[str, int, int]]) -> None:
    lost = any(frame == "y" for frame, _, _ in rows)
    assert (by_part(evidence(rows), ["frame:x/a", "frame:x/b"]) == {}) == lost


@given(Rows, Rows)
def test_what_was_kept_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, one: list[tuple[str, int, int]], other: list[tuple[str, int, int]]
) -> None:
    place = kept(tmp_path_factory.mktemp("kept"))
    place.keep({A: evidence(one), B: evidence(other)}, reference="r")
    found = place.take([A, B, "c" * 64], reference="r")
    assert set(found) == {A, B}
    assert same(found[A], evidence(one))
    assert same(found[B], evidence(other))


OTHERS: list[dict[str, Any]] = [
    {"permit": "P-2026-0002"},
    {"head": "sha256:2"},
    {"epoch": 2},
    {"made_by": "2"},
    {"space": "project:y"},
    {"warehouse": "v" * 32},
]


@pytest.mark.parametrize("other", OTHERS)
def test_nothing_crosses_permits_snapshots_epochs_or_versions(tmp_path: Path, other: dict[str, Any]) -> None:
    first = kept(tmp_path)
    first.keep({A: evidence([("x/a", 1, 5)])}, reference="r")
    assert kept(tmp_path, **other).take([A], reference="r") == {}


@pytest.mark.parametrize("other", OTHERS)
def test_a_piece_put_under_anothers_name_opens_nothing_there(tmp_path: Path, other: dict[str, Any]) -> None:
    """Whoever can write the folder can rename a file; the key is bound to where it belongs."""
    first, second = kept(tmp_path), kept(tmp_path, **other)
    first.keep({A: evidence([("x/a", 1, 5)])}, reference="r")
    second.keep({A: evidence([("x/b", 1, 7)])}, reference="r")
    mine, theirs = (place.cache._path(place.space, place._name(A)) for place in (first, second))  # type: ignore[attr-defined]
    theirs.write_bytes(mine.read_bytes())
    assert second.take([A], reference="r") == {}
    assert not theirs.exists()


@given(at=st.integers(0, 2000), bit=st.integers(0, 7))
def test_a_piece_that_was_altered_counts_as_absent(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    place = kept(tmp_path_factory.mktemp("kept"))
    place.keep({A: evidence([("x/a", 1, 5)])}, reference="r")
    path = place.cache._path(place.space, place._name(A))  # type: ignore[attr-defined]
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(bytes(data))
    assert place.take([A], reference="r") == {}
    path.write_bytes(bytes(data[: at % len(data)]))
    assert place.take([A], reference="r") == {}


def test_a_new_snapshot_removes_what_was_kept_of_the_last_one(tmp_path: Path) -> None:
    kept(tmp_path).keep({A: evidence([("x/a", 1, 5)])}, reference="r")
    kept(tmp_path, space="project:y").keep({A: evidence([("x/a", 1, 5)])}, reference="r")
    kept(tmp_path, head="sha256:2").take([A], reference="r")
    assert kept(tmp_path).there([A]) == []
    assert kept(tmp_path, space="project:y").there([A]) == [A], "another project's is its own"


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 60)), max_size=30))
def test_the_cache_never_grows_beyond_its_size(
    tmp_path_factory: pytest.TempPathFactory, puts: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    cache = CacheDirectory(folder, limit=100)
    for name, size in puts:
        cache.put("project:x", name, bytes(size))
        assert cache.get("project:x", name) == bytes(size)
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 100


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    cache = CacheDirectory(tmp_path, limit=100)
    for age, name in enumerate(("old", "used", "new")):
        cache.put("project:x", name, bytes(30))
        os.utime(cache._path("project:x", name), (age, age))
    assert cache.get("project:x", "old") is not None
    cache.put("project:y", "more", bytes(30))
    assert [name for name in ("old", "used", "new") if cache.has("project:x", name)] == ["old", "new"]
    cache.put("project:x", "huge", bytes(101))
    assert not cache.has("project:x", "huge")


def test_only_living_spaces_keep_anything_and_folders_name_no_project(tmp_path: Path) -> None:
    cache = CacheDirectory(tmp_path / "cache")
    assert cache.empty
    for space in ("project:glitazones", "project:other"):
        cache.put(space, "n", b"x")
    assert not any("glitazones" in str(path) for path in tmp_path.rglob("*"))
    cache.retain(["project:other"])
    assert (cache.has("project:glitazones", "n"), cache.has("project:other", "n")) == (False, True)
    cache.clear("project:other")
    assert not cache.has("project:other", "n")


def test_a_run_takes_up_what_an_earlier_try_left_if_it_makes_the_whole(tmp_path: Path) -> None:
    scratch, place = ScratchDirectory(tmp_path / "s"), kept(tmp_path / "k")
    place.keep({A: evidence([("x/a", 1, 5)])}, reference="r")
    first = left_to_do(scratch, "S-1", [A, B], kept=place, reference="r")
    assert (first.parts, set(first.found)) == ((B,), {A})
    scratch.put("S-1", "shard-0000.sealed", b"of B")
    again = left_to_do(scratch, "S-1", [A, B], kept=place, reference="r")
    assert (again.parts, set(again.found)) == ((B,), {A})
    assert scratch.names("S-1") == ["parts", "shard-0000.sealed"]
    place.cache.clear()
    alone = left_to_do(scratch, "S-1", [A, B], kept=place, reference="r")
    assert (alone.parts, set(alone.found)) == ((A, B), set())
    assert scratch.names("S-1") == ["parts"], "pieces without A make no whole any more"


def test_a_run_without_reuse_takes_up_its_own_pieces(tmp_path: Path) -> None:
    scratch = ScratchDirectory(tmp_path)
    assert left_to_do(scratch, "S-1", [A, B], kept=None, reference="r").parts == (A, B)
    scratch.put("S-1", "shard-0000.sealed", b"of both")
    assert left_to_do(scratch, "S-1", [A, B], kept=None, reference="r").parts == (A, B)
    assert len(scratch.names("S-1")) == 2


def test_pieces_without_a_note_begin_anew(tmp_path: Path) -> None:
    scratch = ScratchDirectory(tmp_path)
    scratch.put("S-1", "shard-0000.sealed", b"of all")
    assert left_to_do(scratch, "S-1", [A, B], kept=kept(tmp_path / "k"), reference="r").parts == (A, B)
    assert scratch.names("S-1") == ["parts"]


PIECES = ["evidence.key", "match-0000-0001", "parts", "shard-0000.sealed"]


@pytest.mark.parametrize(("note", "stays"), [(b"rempart 2", True), (b"rempart 1", False), (None, False)])
def test_what_another_version_left_of_a_run_is_removed(tmp_path: Path, note: bytes | None, stays: bool) -> None:
    scratch = ScratchDirectory(tmp_path)
    for name in (*PIECES, "cancel"):
        scratch.put("S-1", name, b"of an earlier try")
    scratch.put("S-2", "shard-0000.sealed", b"another run's")
    if note is not None:
        scratch.put("S-1", "made-by", note)
    of_this_version(scratch, "S-1", "rempart 2")
    assert scratch.names("S-1") == sorted(["cancel", "made-by", *(PIECES if stays else [])])
    assert scratch.get("S-1", "made-by") == b"rempart 2"
    assert scratch.names("S-2") == ["shard-0000.sealed"]


def test_a_removal_that_is_cut_short_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade, a kill amid the removal, and the version before again: its key is gone, so its pieces must go too."""
    scratch, dropped = ScratchDirectory(tmp_path), ScratchDirectory.drop
    for name in PIECES:
        scratch.put("S-1", name, b"x")
    scratch.put("S-1", "made-by", b"1")

    def cut(self: ScratchDirectory, run: str, name: str) -> None:
        if name == "parts":
            raise KeyboardInterrupt
        dropped(self, run, name)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ScratchDirectory, "drop", cut)
        of_this_version(scratch, "S-1", "2")
    of_this_version(scratch, "S-1", "1")
    assert scratch.names("S-1") == ["made-by"]


@pytest.mark.parametrize("note", [b"", b"{", b"7", b'["c"]', b'"aaaa"', f'["{A}", "c"]'.encode()])
def test_a_note_that_cannot_be_this_runs_begins_anew(tmp_path: Path, note: bytes) -> None:
    scratch = ScratchDirectory(tmp_path)
    scratch.put("S-1", "parts", note)
    scratch.put("S-1", "shard-0000.sealed", b"of something")
    assert left_to_do(scratch, "S-1", [A, B], kept=None, reference="r").parts == (A, B)
    assert scratch.names("S-1") == ["parts"]


def test_a_part_of_evidence_holds_no_other_frame() -> None:
    whole = evidence([("x/a", 1, 5), ("x/b", 2, 6)])
    assert of_part(whole, "frame:x/a")["cells"]["n"].to_pylist() == [5]
    assert of_part(whole, "analysis:x")["cells"].num_rows == 0


def test_the_broker_of_these_tests_refuses_a_foreign_context() -> None:
    place = kept(Path("/nowhere"))
    (blob,) = OneKey().wrap("", [(place._context(A), b"x" * 32)])
    with pytest.raises(NotTrusted, match="wrapped-key"):
        OneKey().unwrap("", [(place._context(B), blob)])
