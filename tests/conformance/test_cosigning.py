# SPDX-License-Identifier: Apache-2.0
"""A checkpoint that the policy's quorum cosigned: asked over HTTP, taken up by file, and what a witness remembers against the ledger."""

import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rempart.adapters.cosigner import Cosigner
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.surroundings import SystemClock, SystemRandomness
from rempart.adapters.witness_client import HttpWitnesses
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.witness_policy import cosigners, parse_policy, satisfied
from rempart.errors import BadInput, NotTrusted, Unavailable
from rempart.journeys.cosigning import Cosigning, cosigned, evidence, renewed, taken_up, unwitnessed, witnessed
from rempart.journeys.recorded import Recorder, recorded
from rempart.records.event import LedgerEvent
from rempart.records.policy import Policy
from tests.conformance.test_ledger import LEAVES, code_of, ledger_at
from tests.conformance.test_witness_http import serving_log
from tests.properties.ledger_story import ORIGIN, PUBLIC
from tests.properties.test_witness import key

BY_FILE = Cosigner(name="far.test/witness", private=key("far"))


@pytest.fixture
def witnesses(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Two that answer; name → where."""
    with ExitStack() as open_doors:
        yield {
            name: f"http://127.0.0.1:{open_doors.enter_context(serving_log(tmp_path / name, name, ORIGIN, PUBLIC))}"
            for name in ("one", "two")
        }


def policy_text(urls: dict[str, str], quorum: str) -> str:
    lines = [f"witness {name} {Cosigner(name=name, private=key(name)).keys[0]} {url}" for name, url in urls.items()]
    return "\n".join([*lines, f"witness far {BY_FILE.keys[0]}", quorum]) + "\n"


def desk(root: Path, text: str, *, before: tuple[str, ...] = ("erasure",)) -> Cosigning:
    return Cosigning(
        ledger=ledger_at(root / "ledger"),
        documents=DirectoryDocuments(root / "documents"),
        witnesses=HttpWitnesses(root / "ledger" / "cosigned"),
        policy=Policy(version=1, values={"ledger.witnesses": text, "ledger.before": list(before)}),
        origin=ORIGIN,
        public=PUBLIC,
    )


def test_the_quorum_is_asked_and_what_was_had_serves_until_it_covers_too_little(
    tmp_path: Path, witnesses: dict[str, str]
) -> None:
    text = policy_text(witnesses, "group both 2 one two far\nquorum both")
    place = desk(tmp_path, text)
    place.ledger.append(0, LEAVES[:5])
    note = cosigned(place, covering=4)
    assert parse_and_verify(note, ORIGIN, PUBLIC).size == 5 and cosigners(parse_policy(text), note) == ("one", "two")
    place.ledger.append(5, LEAVES[5:9])
    assert cosigned(place, covering=4) == note, "nobody is asked again"
    again = cosigned(place, covering=5)
    assert parse_and_verify(again, ORIGIN, PUBLIC).size == 9 and satisfied(parse_policy(text), again)
    assert place.witnesses.kept() == again


def test_one_of_two_is_enough_where_the_policy_says_so_and_absent_ones_are_told(
    tmp_path: Path, witnesses: dict[str, str]
) -> None:
    gone = {**witnesses, "two": "http://127.0.0.1:9"}
    place = desk(tmp_path, policy_text(gone, "group any any one two far\nquorum any"))
    place.ledger.append(0, LEAVES[:5])
    assert cosigners(parse_policy(place.policy.text("ledger.witnesses")), cosigned(place, covering=0)) == ("one",)
    strict = desk(tmp_path, policy_text(gone, "group all all one two\nquorum all"))
    with pytest.raises(Unavailable, match="witness-absent") as caught:
        cosigned(strict, covering=0)
    assert caught.value.facts["seen"] == "one"


def test_lines_by_file_complete_the_quorum(tmp_path: Path, witnesses: dict[str, str]) -> None:
    del witnesses["two"]
    text = policy_text(witnesses, "group both all one far\nquorum both")
    place = desk(tmp_path, text)
    place.ledger.append(0, LEAVES[:5])
    note = place.ledger.checkpoint()
    assert code_of(lambda: cosigned(place, covering=0)) == (Unavailable, "witness-absent")
    assert code_of(lambda: taken_up(place, note)) == (NotTrusted, "witness-nobody")
    stranger = Cosigner(name="far.test/witness", private=key("stranger")).cosign(note, time=9)
    assert code_of(lambda: taken_up(place, stranger)) == (NotTrusted, "witness-nobody")
    assert taken_up(place, BY_FILE.cosign(note, time=9)) == (5, ("far",))
    assert satisfied(parse_policy(text), cosigned(place, covering=0)), (
        "the one that answers is asked for its line beside it"
    )
    other = ledger_at(tmp_path / "other")
    other.append(0, [b"else", *LEAVES[:4]])
    assert code_of(lambda: taken_up(place, BY_FILE.cosign(other.checkpoint(), time=9))) == (
        NotTrusted,
        "consistency-proof",
    )


def test_a_witness_that_remembers_more_or_other_is_an_alarm(tmp_path: Path, witnesses: dict[str, str]) -> None:
    text = policy_text(witnesses, "group both 2 one two far\nquorum both")
    place = desk(tmp_path, text)
    place.ledger.append(0, LEAVES[:5])
    shutil.copytree(tmp_path / "ledger", tmp_path / "yesterday" / "ledger")
    place.ledger.append(5, LEAVES[5:9])
    cosigned(place, covering=8)
    old = desk(tmp_path / "yesterday", text)
    assert code_of(lambda: cosigned(old, covering=0)) == (NotTrusted, "ledger-behind-witness")
    for size in (9, 12):
        old.ledger.append(old.ledger.size(), [b"else"] * (size - old.ledger.size()))
        assert code_of(lambda: cosigned(old, covering=0)) == (NotTrusted, "witness-refused")


def test_how_young_the_word_is_counts(tmp_path: Path, witnesses: dict[str, str]) -> None:
    text = policy_text(witnesses, "quorum one")
    place = desk(tmp_path, text)
    place.ledger.append(0, LEAVES[:5])
    note = renewed(place, parse_policy(text))
    assert satisfied(parse_policy(text), note, since=1_790_000_000)
    assert not satisfied(parse_policy(text), note, since=1_790_000_001)


def test_an_act_that_the_policy_names_carries_its_witnesses_and_another_does_not(
    tmp_path: Path, witnesses: dict[str, str]
) -> None:
    text = policy_text(witnesses, "quorum one")
    place = desk(tmp_path, text)
    recorder = Recorder(ledger=place.ledger, clock=SystemClock(), randomness=SystemRandomness())

    def told(what: str, binding: Cosigning) -> LedgerEvent:
        with recorded(recorder, what, basis=f"operation:{what}", objects=["space:s"]) as act:
            witnessed(lambda name, index: evidence(binding, name, index), what, act)
        return LedgerEvent.from_leaf(place.ledger.leaves()[-1])

    done = told("erasure", place)
    note = place.documents.get(done.fact("witnessed") or "").decode()
    assert satisfied(parse_policy(text), note) and parse_and_verify(note, ORIGIN, PUBLIC).size > (done.of or 0)
    assert told("cutover", place).fact("witnessed") is None
    assert unwitnessed("erasure", 0) == ""
    lost = dataclasses.replace(
        place, policy=desk(tmp_path, policy_text({"one": "http://127.0.0.1:9"}, "quorum one")).policy
    )
    with pytest.raises(Unavailable, match="witness-absent"):
        told("erasure", lost)
    assert LedgerEvent.from_leaf(place.ledger.leaves()[-1]).phase == "failed"
    with pytest.raises(BadInput, match="witness-policy"):
        told("erasure", desk(tmp_path, ""))
