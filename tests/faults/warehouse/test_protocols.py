# SPDX-License-Identifier: Apache-2.0
"""Protocols in a true warehouse: frozen before anything is read, changed by amendments alone, and reported without a table that did not
leave."""

import base64
import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.tree import leaf_hash, verify_inclusion
from rempart.records.event import LedgerEvent
from rempart.wiring import releases, reports
from tests.faults.warehouse.place import Outcome, Place, copied, workers_find_the_package


@pytest.fixture(scope="module")
def place(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A copy whose study may be frozen and run."""
    with pytest.MonkeyPatch.context() as patch, copied(whole, tmp_path_factory.mktemp("protocols") / "copy") as made:
        workers_find_the_package(patch)
        patch.setattr(releases, "draw", lambda *_, **__: {})
        patch.setattr(reports, "draw", lambda *_, **__: {})
        patch.setattr(reports, "draw_designs", lambda *_, **__: {})
        yield made


def changed(place: Place, name: str, *, lag: int, amends: str = "", date: str = "", before: str = "") -> Path:
    """The study with another lag, and an amendment where it names what it ``amends``; ``before``: the amendments above."""
    text = (place.root / "study.toml").read_text(encoding="utf-8").replace("lag_days = 30", f"lag_days = {lag}")
    day = date or datetime.datetime.now(datetime.UTC).date().isoformat()
    made = f'\n[[protocol.amendments]]\namends = "{amends}"\ndate = {day}\nreason = "lag {lag}"\n' if amends else ""
    file = place.root / f"{name}.toml"
    file.write_text(text.replace("\n[codes.pioglitazone]", f"{before}{made}\n[codes.pioglitazone]"), encoding="utf-8")
    return file


def freeze(place: Place, file: Path, *, by: str = "alice") -> Outcome:
    return place.run("study", "freeze", str(file), "--key", place.key(by))


def kinds(place: Place) -> list[tuple[str, str]]:
    return [(event.kind, event.phase) for event in place.events()]


def test_a_run_freezes_its_protocol_before_its_own_intent_and_once(place: Place) -> None:
    began = len(place.events())
    assert place.study().code == 0
    new = kinds(place)[began:]
    assert new[:3] == [("protocol", "intent"), ("protocol", "effect"), ("study", "intent")]
    again = len(place.events())
    assert place.study("--fresh").code == 0
    assert ("protocol", "intent") not in kinds(place)[again:]
    told = freeze(place, place.root / "study.toml").answer["data"]
    assert not told["anew"] and told["leaf"] == began + 1


def test_freezing_reads_nothing_opens_no_key_and_is_told_beside_what_it_may_have_meant_to_amend(place: Place) -> None:
    first = freeze(place, place.root / "study.toml").answer["data"]["study"]
    began = len(place.events())
    told = freeze(place, changed(place, "other", lag=31)).answer["data"]
    assert told["anew"] and told["beside"] == [first]
    assert kinds(place)[began:] == [("protocol", "intent"), ("protocol", "effect")]


def test_amendments_are_one_chain_that_freezing_the_report_and_the_audit_tell(place: Place, tmp_path: Path) -> None:
    first = freeze(place, changed(place, "a", lag=40)).answer["data"]["study"]
    second = freeze(place, changed(place, "b", lag=50, amends=first)).answer["data"]
    assert second["amends"] == first
    third = changed(place, "c", lag=60, amends=second["study"])
    assert freeze(place, third).error == "protocol-amends-chain"  # the first amendment was left out
    above = (place.root / "b.toml").read_text(encoding="utf-8")
    block = above[above.index("\n[[protocol.amendments]]") : above.index("\n[codes.pioglitazone]")]
    third = changed(place, "c", lag=60, amends=second["study"], before=block)
    assert freeze(place, third).code == 0
    fork = changed(place, "d", lag=65, amends=first)
    assert freeze(place, fork).error == "protocol-amends-fork"
    assert place.run("study", "run", str(fork), "--key", place.key("alice")).error == "protocol-amends-fork"
    variant = (place.root / "b.toml").read_text(encoding="utf-8").replace("lag_days = 50", "lag_days = 55")
    (place.root / "variant.toml").write_text(variant, encoding="utf-8")
    assert freeze(place, place.root / "variant.toml").code == 0  # it bears the same amendments, as variants do
    report = place.run("study", "report", str(third), "--out", str(tmp_path / "r")).answer["data"]
    assert report["versions"][:2] == [first, second["study"]] and len(report["versions"]) == 3
    assert (tmp_path / "r" / "report.en.pdf").read_bytes().startswith(b"%PDF")
    assert "lag 60" in (tmp_path / "r" / "report.en.html").read_text(encoding="utf-8")
    audited = place.run("audit", "verify").answer["data"]
    assert audited["sound"] and audited["counts"]["amendments"] == 3


@pytest.mark.parametrize(
    ("amends", "date", "code"),
    [
        ("sha256:" + "0" * 64, "", "protocol-amends-unknown"),
        ("frozen", "2026-01-01", "protocol-amends-date"),
        ("frozen", "2999-01-01", "protocol-amends-date"),
    ],
)
def test_an_amendment_of_nothing_or_of_another_day_is_refused_by_freezing_and_by_a_run(
    place: Place, amends: str, date: str, code: str
) -> None:
    first = freeze(place, place.root / "study.toml").answer["data"]["study"]
    file = changed(place, "wrong", lag=70, amends=first if amends == "frozen" else amends, date=date)
    began = len(place.events())
    assert freeze(place, file).error == code
    assert place.run("study", "run", str(file), "--key", place.key("alice")).error == code
    assert {kind for kind, _ in kinds(place)[began:]} <= {"refusal"}


def test_who_the_permit_does_not_name_freezes_nothing(place: Place) -> None:
    assert freeze(place, changed(place, "theirs", lag=80), by="claire").error == "role-missing"


def test_a_run_is_reported_without_results_until_two_checkers_let_them_out(place: Place, tmp_path: Path) -> None:
    run = place.study().answer["data"]["run"]
    told = place.run("study", "report", run, "--out", str(tmp_path / "before"))
    assert told.code == 0 and told.answer["data"]["release"] == ""
    assert {item.name for item in (tmp_path / "before").iterdir()} == {"report.en.html", "report.en.pdf", "proof.json"}
    assert "attrition.csv" not in (tmp_path / "before" / "report.en.html").read_text(encoding="utf-8")
    release = place.run("release", "submit", run, "--key", place.key("alice")).answer["data"]["release"]
    for name in ("bob", "carol"):
        place.run("release", "review", release, "--key", place.key(name), "--verdict", "approve")
    half = place.run("study", "report", run, "--out", str(tmp_path / "half"), "--key", place.key("alice"))
    assert half.answer["data"]["release"] == ""
    assert place.run("release", "publish", release, "--key", place.key("alice")).code == 0
    assert place.run("study", "report", run, "--out", str(tmp_path / "x")).error == "report-key"
    assert place.run("study", "report", run, "--out", str(tmp_path / "x"), "--key", place.key("claire")).error != ""
    assert not (tmp_path / "x").exists()
    after = tmp_path / "after"
    shown = place.run("study", "report", run, "--out", str(after), "--key", place.key("bob"))
    assert shown.answer["data"]["release"] == release, shown.told
    assert "attrition.csv" in (after / "report.en.html").read_text(encoding="utf-8")
    public = place.directory / "public" / "releases" / release / "tables"
    assert {file.name: file.read_bytes() for file in (after / "tables").iterdir()} == {
        file.name: file.read_bytes() for file in public.iterdir()
    }
    assert place.run("study", "report", run, "--out", str(after), "--key", place.key("bob")).error == "report-folder"
    kinds_proven = proven(place, after / "proof.json")
    assert {"permit", "protocol", "study", "submission", "vote", "release"} <= kinds_proven


def proven(place: Place, file: Path) -> set[str]:
    """Kinds of the leaves of a report's proof, each held to the signed checkpoint."""
    proof, settings = json.loads(file.read_text(encoding="utf-8")), place.warehouse().configuration
    signed = parse_and_verify(proof["checkpoint"], settings.ledger_origin, settings.ledger_public)
    found = set()
    for item in proof["leaves"]:
        leaf, path = base64.b64decode(item["leaf"]), [base64.b64decode(part) for part in item["inclusion"]]
        verify_inclusion(leaf=leaf_hash(leaf), index=item["index"], size=signed.size, proof=path, root=signed.root)
        found.add(LedgerEvent.from_leaf(leaf).kind)
    return found
