# SPDX-License-Identifier: Apache-2.0
"""Pieces between shards and buckets open for their own place alone, none can be taken away, and a killed step takes up where it was."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from rempart.adapters.scratch_directory import ScratchDirectory
from rempart.adapters.surroundings import SystemRandomness
from rempart.errors import BadInput, NotTrusted
from rempart.journeys.evidence import evidence_context
from rempart.journeys.match_exchange import Crossing, keep, missing, piece_name
from rempart.records.shard_job import EXCHANGE, MATCH, ShardJob

RUN, SOURCES, TARGETS = "S-1", 3, 4
SCHEMA = pa.schema([("person", pa.int64()), ("stratum", pa.string())])
CROSSING = Crossing(
    run=RUN,
    step=EXCHANGE,
    targets=TARGETS,
    key=b"k" * 32,
    context=evidence_context("w", "project:p", RUN, 1),
    schema=SCHEMA,
)
JOB = ShardJob(run=RUN, space="s", head="h", study="d", permit="P-2026-0001", shards=(0,), grant="g")


def rows(source: int, target: int) -> pa.Table:
    """The rows of one piece; every second one is empty."""
    numbers = [] if (source + target) % 2 else [source * 10 + target] * 3
    return pa.table({"person": numbers, "stratum": ["a secret place"] * len(numbers)}, schema=SCHEMA)


def sent(scratch: ScratchDirectory) -> None:
    """Every source's pieces, put into scratch."""
    for source in (2, 0, 1):
        answer = CROSSING.sealed(source, [rows(source, target) for target in range(TARGETS)], SystemRandomness())
        keep(scratch, RUN, EXCHANGE, source, answer, targets=TARGETS)


@pytest.fixture
def scratch(tmp_path: Path) -> ScratchDirectory:
    """Scratch with a whole step in it."""
    made = ScratchDirectory(tmp_path)
    sent(made)
    return made


def test_what_is_sent_arrives_in_the_order_of_sources(scratch: ScratchDirectory) -> None:
    for target in range(TARGETS):
        assert list(CROSSING.opened(scratch, SOURCES, target)) == [rows(source, target) for source in range(SOURCES)]
    assert missing(scratch, RUN, EXCHANGE, sources=SOURCES, targets=TARGETS) == []
    assert missing(scratch, RUN, MATCH, sources=TARGETS, targets=SOURCES) == list(range(TARGETS))


def test_nothing_of_a_row_lies_in_scratch(scratch: ScratchDirectory, tmp_path: Path) -> None:
    pieces = [path.read_bytes() for path in (tmp_path / RUN).iterdir()]
    assert len(pieces) == SOURCES * TARGETS
    assert not any(b"secret" in piece for piece in pieces)


def _flip(scratch: ScratchDirectory) -> None:
    name = piece_name(EXCHANGE, 1, 1)
    data = bytearray(scratch.get(RUN, name) or b"")
    data[-1] ^= 1
    scratch.put(RUN, name, bytes(data))


def _take(source: int, target: int) -> Callable[[ScratchDirectory], None]:
    """Put another piece in the place of (1, 1)."""
    return lambda scratch: scratch.put(
        RUN, piece_name(EXCHANGE, 1, 1), scratch.get(RUN, piece_name(EXCHANGE, source, target)) or b""
    )


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (_flip, "sealed-bytes"),
        (_take(0, 1), "sealed-bytes"),
        (_take(1, 3), "sealed-bytes"),
        (lambda scratch: scratch.drop(RUN, piece_name(EXCHANGE, 1, 1)), "exchange-piece"),
        (lambda scratch: scratch.put(RUN, piece_name(EXCHANGE, 1, 1), b""), "sealed-bytes"),
    ],
    ids=["a bit", "another source's", "another target's", "taken away", "emptied"],
)
def test_a_piece_that_was_harmed_is_not_trusted(
    scratch: ScratchDirectory, harm: Callable[[ScratchDirectory], None], code: str
) -> None:
    harm(scratch)
    with pytest.raises(NotTrusted) as raised:
        list(CROSSING.opened(scratch, SOURCES, 1))
    assert raised.value.code == code


@pytest.mark.parametrize(
    "other",
    [
        replace(CROSSING, key=b"l" * 32),
        replace(CROSSING, targets=TARGETS + 1),
        replace(CROSSING, context=evidence_context("w", "project:p", "S-2", 1)),
        replace(CROSSING, context=evidence_context("w", "project:q", RUN, 1)),
    ],
    ids=["key", "targets", "run", "space"],
)
def test_a_piece_opens_under_its_own_key_run_and_cut_alone(scratch: ScratchDirectory, other: Crossing) -> None:
    with pytest.raises(NotTrusted):
        list(other.opened(scratch, SOURCES, 0))


def test_a_piece_of_one_step_is_none_of_the_other(scratch: ScratchDirectory) -> None:
    scratch.put(RUN, piece_name(MATCH, 0, 0), scratch.get(RUN, piece_name(EXCHANGE, 0, 0)) or b"")
    with pytest.raises(NotTrusted):
        list(replace(CROSSING, step=MATCH).opened(scratch, 1, 0))


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_an_answer_that_is_cut_or_of_other_targets_is_not_kept(tmp_path: Path, cut: int) -> None:
    scratch = ScratchDirectory(tmp_path)
    answer = CROSSING.sealed(0, [rows(0, target) for target in range(TARGETS)], SystemRandomness())
    for wrong, targets in ((answer[:-cut], TARGETS), (answer, TARGETS + 1), (b"", TARGETS)):
        with pytest.raises(NotTrusted, match="exchange-piece"):
            keep(scratch, RUN, EXCHANGE, 0, wrong, targets=targets)
    assert missing(scratch, RUN, EXCHANGE, sources=1, targets=TARGETS) == [0]


def test_a_source_with_a_piece_missing_is_asked_again(scratch: ScratchDirectory) -> None:
    scratch.drop(RUN, piece_name(EXCHANGE, 2, 3))
    assert missing(scratch, RUN, EXCHANGE, sources=SOURCES, targets=TARGETS) == [2]
    sent(scratch)
    assert missing(scratch, RUN, EXCHANGE, sources=SOURCES, targets=TARGETS) == []


def test_a_job_of_a_step_has_the_second_form_and_all_others_the_first() -> None:
    stepped = replace(JOB, step=MATCH, buckets=4, sources=2)
    assert JOB.as_dict()["schema"] == "rempart.shard-job/1"
    assert stepped.as_dict()["schema"] == "rempart.shard-job/2"
    for job in (JOB, stepped, replace(JOB, buckets=4, sources=2), replace(stepped, step=EXCHANGE, parts=("a",))):
        assert ShardJob.from_dict(job.as_dict()) == job


@pytest.mark.parametrize(
    "wrong",
    [
        {"buckets": 0},
        {"buckets": "4"},
        {"sources": True},
        {"schema": "rempart.shard-job/1"},
        {"more": 1},
    ],
    ids=str,
)
def test_a_job_of_another_form_is_refused(wrong: dict[str, object]) -> None:
    stepped = replace(JOB, step=MATCH, buckets=4, sources=2).as_dict()
    with pytest.raises(BadInput, match="shard-job-form"):
        ShardJob.from_dict({**stepped, **wrong})


@pytest.mark.parametrize("step", ["gather", "iterate", "Match"])
def test_a_step_that_this_version_does_not_know_is_refused_by_its_name(step: str) -> None:
    stepped = replace(JOB, step=MATCH, buckets=4, sources=2).as_dict()
    with pytest.raises(BadInput) as caught:
        ShardJob.from_dict({**stepped, "step": step})
    assert caught.value.code == "shard-job-step"
    assert caught.value.facts == {"step": step, "known": "exchange, match, sets"}
