# SPDX-License-Identifier: Apache-2.0
"""The two rules of the way out, author ≠ checker and two checkers: each alone stops its attack, and the audit names it afterwards.

Dora is a researcher whom the permit names and a checker as well: only the rules keep her from voting on her own tables.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rempart.release import pack, states
from rempart.wiring import acts, people, releases
from tests.faults.warehouse.place import Outcome, Place, copied, workers_find_the_package


@pytest.fixture(scope="module")
def way_out(whole: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, str]]:
    """A copy with a finished run of dora's: the place and the run."""
    with pytest.MonkeyPatch.context() as patch, copied(whole, tmp_path_factory.mktemp("out") / "copy") as place:
        workers_find_the_package(patch)
        people.enrol(
            place.warehouse(),
            name="dora",
            roles=["researcher", "checker"],
            key_file=place.root / "dora.key",
            officer_keys=[place.root / "officer.key"],
            ask=lambda _: "",
            key_passphrase="",
        )
        for name, old, new in (("third", '["alice"]', '["alice", "dora"]'), ("study", "P-2026-0001", "P-2026-0003")):
            file = place.root / f"{name}.toml"
            file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        assert place.grant("third").code == 0
        told = place.run("study", "run", str(place.root / "study.toml"), "--key", place.key("dora"))
        yield place, told.answer["data"]["run"]


def submitted(way_out: tuple[Place, str]) -> str:
    """A new release of the run, submitted by dora."""
    place, run = way_out
    told = place.run("release", "submit", run, "--key", place.key("dora"))
    assert told.code == 0, told.told
    return str(told.answer["data"]["release"])


def vote(place: Place, release: str, name: str) -> Outcome:
    return place.run("release", "review", release, "--key", place.key(name), "--verdict", "approve")


def publish(place: Place, release: str) -> Outcome:
    return place.run("release", "publish", release, "--key", place.key("dora"))


def breaches(place: Place) -> set[str]:
    """Rules that the audit finds broken."""
    findings = place.run("audit", "verify").answer["data"]["findings"]
    return {finding["rule"] for finding in findings if finding["family"] != "anomaly"}


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "draw", lambda *_, **__: {})
    monkeypatch.setattr("rempart.journeys.release._not_pending", lambda *_: None)  # each test submits the same run anew


@pytest.mark.parametrize("left", ["state table", "pack", ""])
def test_two_checkers_are_asked_for_by_the_state_table_and_again_by_the_pack(
    way_out: tuple[Place, str], monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    place, release = way_out[0], submitted(way_out)
    assert vote(place, release, "bob").code == 0
    assert vote(place, release, "bob").error == "release-voted-already"
    told = publish(place, release)
    assert (told.code, told.error) == (10, "release-needs-two-checkers")
    true = states.state_table

    def one_is_enough(data: Any) -> states.StateTable:
        table = true(data)
        lax = {**table.next["partly-reviewed"], "publish": "released"}
        return replace(table, checkers=1, next={**table.next, "partly-reviewed": lax})

    if left != "state table":
        monkeypatch.setattr(releases, "state_table", one_is_enough)
    if left != "pack":
        monkeypatch.setattr(pack, "_check", lambda *_, **__: None)
    told = publish(place, release)
    assert (told.code, told.error) == ((10, "release-needs-two-checkers") if left else (0, ""))
    assert left or "release-approvals" in breaches(place)


@pytest.mark.parametrize("left", ["votes", "count", "pack", ""])
def test_author_is_no_checker_is_held_where_votes_are_taken_where_they_are_counted_and_in_the_pack(
    way_out: tuple[Place, str], monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    place, release = way_out[0], submitted(way_out)
    if left != "votes":
        monkeypatch.setattr(states, "_check_vote", lambda *_: None)
    if left not in {"count", "votes"}:
        monkeypatch.setattr(states, "_enough", lambda now, table: len(now.approvals) >= table.checkers)
    if left not in {"pack", "votes"}:
        monkeypatch.setattr(pack, "_check", lambda *_, **__: None)
    told = vote(place, release, "dora")
    assert (told.code, told.error) == ((10, "release-author-votes") if left == "votes" else (0, ""))
    assert vote(place, release, "bob").code == 0
    told = publish(place, release)
    assert (told.code, told.error) == ((10, "release-needs-two-checkers") if left else (0, ""))
    if left != "votes":
        assert "vote-author" in breaches(place)


def test_a_vote_in_anothers_name_with_ones_own_key_is_not_trusted(way_out: tuple[Place, str]) -> None:
    """The name comes from the key: whoever holds a key that nobody was enrolled with is nobody."""
    place, release = way_out[0], submitted(way_out)
    acts.create_person_key(place.root / "mallory.key", randomness=acts.SystemRandomness(), passphrase=None)
    told = vote(place, release, "mallory")
    assert (told.code, told.error) == (20, "key-unknown")
