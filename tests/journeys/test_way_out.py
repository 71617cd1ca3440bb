# SPDX-License-Identifier: Apache-2.0
"""Two blind votes, what comes back to the author, the queue, and what an author asks before: by the commands, as each person."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from rempart.wiring.releases import desk
from rempart.wiring.warehouse import Warehouse
from rempart.wiring.way_out import release_queue
from tests.journeys.house import House

PRIVATE = "cells of the third table look odd"
PUBLIC = "say why five strata"


@pytest.fixture
def run(small: House) -> str:
    """A finished run of alice's; mallory is a researcher of another project."""
    small.enrol("mallory", "researcher")
    return str(small.run_study()["run"])


def show(house: House, release: str, who: str) -> dict[str, Any]:
    """What ``release show`` tells one person."""
    return house.told("release", "show", release, "--key", house.key(who))


def vote(house: House, release: str, who: str, verdict: str, *more: str) -> dict[str, Any]:
    """A vote by the command."""
    return house.told("release", "review", release, "--key", house.key(who), "--verdict", verdict, *more)


def everything(house: House, release: str, who: str) -> str:
    """All that the commands print to one person of a release, in both languages."""
    key, told = house.key(who), []
    for lang in ("en", "fr"):
        for words in (("show", release), ("queue",), ("review", release), ("publish", release)):
            answer = house.call("release", *words, "--key", key, lang=lang)
            told += [answer.out, answer.err, str(answer.code)]
        told += [house.call("release", "list", lang=lang).out, house.call("study", "list", lang=lang).out]
    return "\n".join(told)


def database(house: House) -> str:
    """The rows of state.db that tell of votes."""
    import sqlite3

    house.told("release", "list")
    with sqlite3.connect(house.warehouse / "controller" / "state.db") as connection:
        return json.dumps(connection.execute("SELECT * FROM votes").fetchall())


def test_the_way_out(small: House, run: str, tmp_path: Path) -> None:
    house = small
    _checked_before(house, run)
    release = house.told("release", "submit", run, "--key", house.key("alice"))["release"]
    _blind(house, release)
    _returned(house, release, run)
    _queued(house, release)
    proven = house.told("audit", "verify")
    assert proven["ok"] if "ok" in proven else not proven["findings"]


def _checked_before(house: House, run: str) -> None:
    """Findings before anything is submitted: no hidden value, no release, nothing for who is not of the permit."""
    found = house.told("release", "check", run, "--key", house.key("alice"))
    assert {"output", "cells", "suppressed", "rules"} <= set(found["findings"][0])
    assert house.told("release", "list")["releases"] == []
    stranger = house.call("--json", "release", "check", run, "--key", house.key("mallory"))
    assert (stranger.code, stranger.error["code"]) == (10, "permit-person")
    text = house.call("release", "check", run, "--key", house.key("alice")).out
    assert "nothing was submitted" in text


def _blind(house: House, release: str) -> None:
    """After the first vote nobody but its checker reads anything that was not there before."""
    before = {who: everything(house, release, who) for who in ("alice", "carol", "frank")}
    told = vote(house, release, "bob", "changes", "--public", PUBLIC, "--private", PRIVATE)
    assert told["state"] == "in-review"
    after = {who: everything(house, release, who) for who in before}
    assert after == before
    assert database(house) == "[]"
    (own,) = show(house, release, "bob")["votes"]
    assert (own["checker"], own["verdict"], own["public"], own["private"]) == ("bob", "changes", PUBLIC, PRIVATE)
    assert show(house, release, "carol")["votes"] == show(house, release, "alice")["votes"] == []
    for words in (("show", release), ("withdraw", release)):
        stranger = house.call("--json", "release", *words, "--key", house.key("mallory"))
        assert (stranger.code, stranger.error["code"]) == (30, "release-missing")
    assert house.told("release", "queue", "--key", house.key("mallory"))["releases"] == []


def _returned(house: House, release: str, run: str) -> None:
    """Votes differ; one of the two returns it; the author reads the public comment alone, and submits again: votes on equal files stand."""
    assert vote(house, release, "carol", "approve")["state"] == "reviewed"
    assert {one["checker"] for one in show(house, release, "carol")["votes"]} == {"bob", "carol"}
    assert PRIVATE in everything(house, release, "carol")
    stranger = ("release", "decide", release, "--verdict", "return", "--public", "x", "--key", house.key("frank"))
    assert house.call("--json", *stranger).error["code"] == "release-decides-voter"
    decided = house.told(
        "release", "decide", release, "--verdict", "return", "--public", "see bob", "--key", house.key("carol")
    )
    assert decided["state"] == "returned"
    author = everything(house, release, "alice")
    assert PUBLIC in author and PRIVATE not in author and "carol" not in author
    again = house.told("release", "submit", run, "--release", release, "--key", house.key("alice"))
    assert again["release"] == release
    assert show(house, release, "carol")["to_see"] == [] and show(house, release, "bob")["to_see"]
    for who in ("carol", "bob"):
        state = vote(house, release, who, "approve")["state"]
    assert state == "approved"


def _queued(house: House, release: str) -> None:
    """The queue: whose turn, since when, working days left by the clock that is given."""
    (row,) = house.told("release", "queue", "--key", house.key("alice"))["releases"]
    assert (row["turn"], row["yours"], row["state"]) == ("system", True, "approved")
    place = Warehouse(house.warehouse)
    assert desk(place).states.days["system"] == 1
    since = datetime.datetime.fromisoformat(row["since"])
    later = since + datetime.timedelta(days=70)
    (late,) = release_queue(place, key_file=house.key("bob"), ask=lambda _: "", now=later)
    assert late.since == since and late.left < -40
    house.told("release", "publish", release, "--key", house.key("alice"))
    assert house.told("release", "queue", "--key", house.key("bob"))["releases"] == []


def test_an_author_withdraws_what_came_back_and_submits_the_run_anew(small: House, run: str) -> None:
    release = small.told("release", "submit", run, "--key", small.key("alice"))["release"]
    early = small.call("--json", "release", "withdraw", release, "--key", small.key("alice"))
    assert (early.code, early.error["code"]) == (10, "release-state")
    assert early.error["facts"]["state"] == "in-review" if "facts" in early.error else "in-review" in str(early.error)
    for who in ("bob", "carol"):
        vote(small, release, who, "changes", "--public", PUBLIC)
    told = small.told("release", "withdraw", release, "--reason", "wrong cohort", "--key", small.key("alice"))
    assert told["state"] == "withdrawn"
    assert small.told("release", "submit", run, "--key", small.key("alice"))["release"] != release
