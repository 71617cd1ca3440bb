# SPDX-License-Identifier: Apache-2.0
"""What a submission is held against: all of its permit whose intent stands before its own, proven or not. A ledger of a few leaves."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from rempart.errors import Missing, NotTrusted, Unavailable
from rempart.journeys import checked, evidence
from rempart.journeys.checked import Before, standing
from rempart.journeys.release import FinishedRun


class Leaf(SimpleNamespace):
    """A leaf of the ledger, as far as it is looked at."""

    def fact(self, name: str) -> str | None:
        return next((item.partition(":")[2] for item in self.objects if item.startswith(f"{name}:")), None)


def asked(release: str, document: str, permit: str = "P") -> Leaf:
    objects = (f"release:{release}", f"document:{document}", f"run:run {document}", f"result:result {document}")
    return Leaf(kind="submission", phase="intent", of=None, basis=f"permit:{permit}", objects=objects)


def taken(of: int) -> Leaf:
    return Leaf(kind="submission", phase="effect", of=of, basis="permit:P", objects=())


def held(monkeypatch: pytest.MonkeyPatch, log: list[Leaf], *, unproven: str = "", stands: str = "") -> Any:
    """``standing`` over these leaves."""
    acts = [
        (index, SimpleNamespace(act="submit"))
        for index, leaf in enumerate(log)
        if leaf.of is not None and log[leaf.of].fact("document") != unproven
    ]
    body = SimpleNamespace(body={"tables": {"attrition": "sha256:0"}})
    monkeypatch.setattr(checked, "events", lambda ledger: log)
    monkeypatch.setattr(checked, "release_acts", lambda desk: acts)
    monkeypatch.setattr(checked, "current_state", lambda desk, release: SimpleNamespace(submission=stands))
    monkeypatch.setattr(checked, "SignedDocument", SimpleNamespace(from_bytes=lambda data, schema: body))
    desk: Any = SimpleNamespace(vault=SimpleNamespace(ledger=None), documents=SimpleNamespace(get=lambda name: b""))
    return lambda release="": standing(desk, permit="P", release=release)


def test_of_two_submissions_at_once_the_second_intent_is_held_against_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = [asked("R-1", "a"), asked("R-2", "b"), asked("R-3", "c", permit="other"), taken(1), taken(0), taken(2)]
    found = held(monkeypatch, log)
    beside = {release: [one.release for one in found(release)] for release in ("R-1", "R-2", "")}
    assert beside == {"R-1": [], "R-2": ["R-1"], "": ["R-1", "R-2"]}


def test_two_of_one_name_are_not_held_against_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    log = [asked("R-1", "a"), asked("R-1", "b"), taken(0), taken(1)]
    found = held(monkeypatch, log, stands="a")
    assert found("R-1") == () and [one.finished.run for one in found()] == ["run a", "run b"]


def test_one_whose_document_proves_nothing_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = held(monkeypatch, [asked("R-1", "a"), taken(0)], unproven="a")()
    assert (one.release, one.finished.run, one.finished.result, one.tables) == ("R-1", "run a", "result a", {})


def test_one_without_document_and_result_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(finished: FinishedRun) -> None:
        raise Missing("document-missing", document="d")

    finished = FinishedRun(run="r", permit="P", study="", result="s")
    results: Any = SimpleNamespace(rows=rows)
    lost = Before(release="R-1", asked=0, finished=finished, tables={})
    with pytest.raises(Unavailable, match="release-earlier-unread"):
        checked._as_submitted(results, lost, [])
    known = Before(release="R-1", asked=0, finished=finished, tables={"attrition": "sha256:0"})
    assert checked._as_submitted(results, known, []).outputs == {"attrition"}


def test_rows_of_other_fields_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a version that wrote other ones: known as such, so that what was submitted of it counts as hidden."""
    monkeypatch.setattr(evidence, "decrypt_stream", lambda *given, **more: b'[{"field": 1}]')
    broker: Any = SimpleNamespace(unwrap=lambda reference, wrapped: (b"",))
    told = {"schema": "rempart.sealed-result/1", "run": "r", "epoch": 1, "wrapped": "", "stream": ""}
    with pytest.raises(NotTrusted, match="result-form"):
        evidence.open_result(
            json.dumps(told).encode(), broker=broker, reference="", warehouse="w", space="project:p", run="r"
        )
