# SPDX-License-Identifier: Apache-2.0
"""Votes, decisions, withdrawals, the queue and what an author asks before submitting, on the command line."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rempart.adapters import package_data
from rempart.errors import BadInput, Refused
from rempart.journeys.checked import standing
from rempart.journeys.clearing import Drawn, drawn, look
from rempart.journeys.desk_view import View, Waiting, queue, seen_by
from rempart.journeys.permits import events
from rempart.journeys.release import (
    ReleaseDesk,
    check_party,
    current_state,
    decide,
    finished_run,
    review,
    submission_of,
    valid_permit,
    withdraw,
)
from rempart.records.canonical import sha256_id
from rempart.records.moved import NONE
from rempart.release.documents import decision_body, look_body, vote_body, withdrawal_body
from rempart.release.states import ReleaseState
from rempart.wiring.comparisons import examined, told
from rempart.wiring.releases import Submitted, desk
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


def check_run(
    warehouse: Warehouse, *, run: str, key_file: Path, ask: Ask, show: bool = False, option: str = NONE
) -> Submitted:
    """What ``release submit`` would say of a run's tables to a person of its permit; nothing is submitted, so it has no release.
    ``show``: the tables will be shown, which later releases of any project are held against; ``option``: how counts are altered."""
    author = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    finished = finished_run(events(warehouse.ledger), run)
    valid_permit(place, finished.permit).check_names(author.entry.actor)
    beside = tuple(dict.fromkeys(one.release for one in standing(place, permit=finished.permit)))
    seen = examined(warehouse, place, finished, actor=author.salted, seen=show, option=option).author
    return Submitted(release="", tables=seen.tables, findings=told(seen), beside=beside, unread=seen.unread)


def vote(
    warehouse: Warehouse,
    *,
    release: str,
    verdict: Literal["approve", "changes"],
    key_file: Path,
    ask: Ask,
    files: Sequence[str] = (),
    public: str = "",
    private: str = "",
    derogations: Sequence[str] = (),
) -> tuple[str, str]:
    """One checker's signed vote: their name, which comes from the key, and what is told of the release then. ``files``: those that are
    to change (default: all that the checker has not approved as they are now); raises BadInput ``release-file-unknown``."""
    checker = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    check_party(place, checker.entry, release=release)
    over = sha256_id(submission_of(place, release).data)
    now = current_state(place, release)
    told = _verdicts(now, checker.entry.actor, files if verdict == "changes" else (), verdict)
    body = vote_body(
        release=release,
        submission=over,
        files=told,
        public=public,
        private=private,
        derogations=sorted(set(derogations)),
    )
    after = review(place, signed=checker.document(body), actor=checker.salted)
    return checker.entry.actor, place.states.told[after.state]


def _verdicts(
    now: ReleaseState, checker: str, named: Sequence[str], verdict: Literal["approve", "changes"]
) -> dict[str, tuple[str, Literal["approve", "changes"]]]:
    """File → its id and the verdict on it."""
    all_files, ahead = dict(now.files), dict(now.to_see(checker))
    for name in named:
        if name not in all_files:
            raise BadInput("release-file-unknown", release=now.release, file=name)
    if verdict == "changes" and not named:
        return {name: (item, "changes") for name, item in (ahead or all_files).items()}
    chosen = {**ahead, **{name: all_files[name] for name in named}}
    return {name: (item, "changes" if name in named else "approve") for name, item in chosen.items()}


def decide_release(
    warehouse: Warehouse,
    *,
    release: str,
    verdict: Literal["approve", "return", "reject"],
    key_file: Path,
    ask: Ask,
    public: str = "",
    private: str = "",
    derogations: Sequence[str] = (),
) -> tuple[str, str]:
    """What one of two checkers decides whose votes differ: their name, and what is told of the release then."""
    checker = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    check_party(place, checker.entry, release=release)
    body = decision_body(
        release=release,
        submission=sha256_id(submission_of(place, release).data),
        verdict=verdict,
        public=public,
        private=private,
        derogations=sorted(set(derogations)),
    )
    after = decide(place, signed=checker.document(body), actor=checker.salted)
    return checker.entry.actor, place.states.told[after.state]


def withdraw_release(warehouse: Warehouse, *, release: str, reason: str, key_file: Path, ask: Ask) -> str:
    """An author gives a returned release up; what is told of it then."""
    author = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    check_party(place, author.entry, release=release)
    over = sha256_id(submission_of(place, release).data)
    body = withdrawal_body(release=release, submission=over, reason=reason)
    after = withdraw(place, signed=author.document(body), actor=author.salted)
    return place.states.told[after.state]


def show_release(warehouse: Warehouse, *, release: str, key_file: Path, ask: Ask) -> View:
    """A release as the person who holds the key may see it."""
    return seen_by(desk(warehouse), signer(warehouse.trust, key_file, ask).entry, release)


def release_queue(
    warehouse: Warehouse, *, key_file: Path, ask: Ask, now: datetime.datetime | None = None
) -> list[Waiting]:
    """What waits for somebody, as the person who holds the key may see it; ``now``: default, the warehouse's clock."""
    person = signer(warehouse.trust, key_file, ask).entry
    place: ReleaseDesk = desk(warehouse)
    holidays = frozenset(package_data.toml("permits/holidays.toml")["days"])
    return queue(place, person, now=now or place.recorder.clock.now(), holidays=holidays)


def drawn_releases(warehouse: Warehouse, *, key_file: Path, ask: Ask) -> list[Drawn]:
    """What left without votes and was drawn for a second look; raises Refused ``role-missing`` for who is no checker."""
    person = signer(warehouse.trust, key_file, ask).entry
    if "checker" not in person.roles:
        raise Refused("role-missing", actor=person.actor, role="checker")
    return drawn(desk(warehouse))


def look_release(
    warehouse: Warehouse,
    *,
    release: str,
    verdict: Literal["sound", "unsound"],
    key_file: Path,
    ask: Ask,
    public: str = "",
    private: str = "",
) -> str:
    """A checker's second look at what left without votes; their name."""
    checker = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    check_party(place, checker.entry, release=release)
    over = sha256_id(submission_of(place, release).data)
    body = look_body(release=release, submission=over, verdict=verdict, public=public, private=private)
    look(place, signed=checker.document(body), actor=checker.salted)
    return checker.entry.actor
