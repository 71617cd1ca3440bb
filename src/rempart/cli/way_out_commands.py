# SPDX-License-Identifier: Apache-2.0
"""Commands beside submission, vote and publication: asking before, deciding, withdrawing, and what waits for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.errors import BadInput
from rempart.records.moved import NONE

if TYPE_CHECKING:
    from rempart.journeys.clearing import Drawn


def check(
    session: Session,
    run: str,
    /,
    *,
    key: Path,
    show: bool = False,
    option: str = NONE,
    passphrase_fd: int | None = None,
) -> int:
    """What the disclosure rules make of a run's tables, before anything is submitted."""
    from rempart.cli.file_pages import show_findings
    from rempart.cli.tables import show_tables
    from rempart.wiring.job_releases import check_job, is_job
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.way_out import check_run

    voice = session.voice
    if is_job(run):
        only_tables(option)
        ask = session.asker(passphrase_fd)
        files = check_job(Warehouse(session.directory), run=run, key_file=key, ask=ask, language=voice.language)
        voice.result("release-check", {"run": run, "files": show_findings(voice, files)})
        return 0
    ask, house = session.asker(passphrase_fd), Warehouse(session.directory)
    found = check_run(house, run=run, key_file=key, ask=ask, show=show, option=option)
    rows = [(str(f["output"]), str(f["type"]), int(str(f["cells"])), int(str(f["suppressed"]))) for f in found.findings]
    voice.table(["column-output", "column-type", "column-cells", "column-suppressed"], rows)
    if show:
        show_tables(voice, found.tables)
    voice.say("checked-before", outputs=len(found.tables), suppressed=sum(row[3] for row in rows))
    if found.beside:
        voice.say("submitted-beside", releases=", ".join(found.beside))
    if found.unread:
        voice.say("submitted-unread", releases=", ".join(found.unread))
    say_close(voice, found.findings)
    say_option(voice, option)
    voice.say("checked-next", run=run)
    told = {"run": run, "findings": found.findings, "beside": list(found.beside), "unread": list(found.unread)}
    voice.result("release-check", told | ({} if option == NONE else {"option": option}))
    return 0


def only_tables(option: str) -> None:
    """Raises BadInput ``option-files``: counts in files of a researcher's own are not altered."""
    if option != NONE:
        raise BadInput("option-files", option=option)


def say_option(voice: Voice, option: str) -> None:
    """How counts were altered; nothing where they were not."""
    if option != NONE:
        voice.say("counts-altered", option=option)


def say_close(voice: Voice, findings: Sequence[Mapping[str, object]]) -> None:
    """Which tables lie too close to an earlier release; nothing where none does."""
    close = [str(item["output"]) for item in findings if item.get("close")]
    if close:
        voice.say("too-close", outputs=", ".join(close))


def decide(
    session: Session,
    release: str,
    /,
    *,
    key: Path,
    verdict: Literal["approve", "return", "reject"],
    public: str = "",
    private: str = "",
    derogation: list[str] | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Decide where two votes differ."""
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.way_out import decide_release

    voice = session.voice
    actor, state = decide_release(
        Warehouse(session.directory),
        release=release,
        verdict=verdict,
        key_file=key,
        ask=session.asker(passphrase_fd),
        public=public,
        private=private,
        derogations=derogation or (),
    )
    voice.say("decided", actor=actor, release=release, state=voice.word(f"release-{state}"))
    voice.result("release-decide", {"release": release, "actor": actor, "state": state})
    return 0


def withdraw(
    session: Session, release: str, /, *, key: Path, reason: str = "", passphrase_fd: int | None = None
) -> int:
    """Give a returned release up."""
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.way_out import withdraw_release

    state = withdraw_release(
        Warehouse(session.directory),
        release=release,
        reason=reason,
        key_file=key,
        ask=session.asker(passphrase_fd),
    )
    session.voice.say("withdrawn", release=release)
    session.voice.result("release-withdraw", {"release": release, "state": state})
    return 0


def show(session: Session, release: str, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """A release as the person who holds the key may see it."""
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.way_out import show_release

    voice = session.voice
    view = show_release(Warehouse(session.directory), release=release, key_file=key, ask=session.asker(passphrase_fd))
    turn = voice.word(f"release-turn-{view.turn}")
    voice.say(
        "release-stands", release=release, permit=view.permit, state=voice.word(f"release-{view.state}"), turn=turn
    )
    if view.to_see and view.yours:
        voice.say("release-to-see", files=", ".join(view.to_see))
    columns = ["column-checker", "column-verdict", "column-changes", "column-stands"]
    rows = [
        (
            one.checker,
            voice.word(f"verdict-{one.verdict}"),
            ", ".join(one.changes),
            voice.word("vote-stands" if one.stands else "vote-earlier"),
        )
        for one in view.votes
    ]
    if rows:
        voice.table(columns, rows)
    for one in view.votes:
        who = one.checker or voice.word("release-a-checker")
        if one.public.strip():
            voice.say("comment-public", checker=who, comment=one.public)
        if one.private.strip():
            voice.say("comment-private", checker=who, comment=one.private)
    voice.result("release-show", {"schema": "rempart.release-view/1", **asdict(view)})
    return 0


def queue(session: Session, *, key: Path, passphrase_fd: int | None = None) -> int:
    """What waits for whom, since when, until when."""
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.way_out import release_queue

    voice = session.voice
    found = release_queue(Warehouse(session.directory), key_file=key, ask=session.asker(passphrase_fd))
    rows = [
        (
            one.release,
            one.permit,
            voice.word(f"release-{one.state}"),
            voice.word(f"release-turn-{one.turn}") + (f" ({voice.word('release-yours')})" if one.yours else ""),
            f"{one.since:%Y-%m-%d %H:%MZ}",
            one.due.isoformat(),
            one.left,
        )
        for one in found
    ]
    columns = [
        "column-release",
        "column-permit",
        "column-state",
        "column-turn",
        "column-since",
        "column-due",
        "column-days-left",
    ]
    if rows:
        voice.table(columns, rows)
    else:
        voice.say("queue-empty")
    told = [{**asdict(one), "since": one.since.isoformat(), "due": one.due.isoformat()} for one in found]
    voice.result("release-queue", {"schema": "rempart.release-queue/1", "releases": told})
    return 0


def sample(
    session: Session,
    release: str = "",
    /,
    *,
    key: Path,
    verdict: Literal["sound", "unsound"] | None = None,
    public: str = "",
    private: str = "",
    passphrase_fd: int | None = None,
) -> int:
    """What left without votes and was drawn, or a checker's second look at one."""
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.way_out import drawn_releases, look_release

    voice, warehouse, ask = session.voice, Warehouse(session.directory), session.asker(passphrase_fd)
    if verdict is None:
        _drawn(voice, drawn_releases(warehouse, key_file=key, ask=ask))
        return 0
    actor = look_release(
        warehouse, release=release, verdict=verdict, key_file=key, ask=ask, public=public, private=private
    )
    voice.say("looked", actor=actor, release=release, verdict=voice.word(f"look-{verdict}"))
    if verdict == "unsound":
        voice.say("looked-unsound")
    voice.result("release-sample", {"release": release, "actor": actor, "verdict": verdict})
    return 0


def _drawn(voice: Voice, found: "Sequence[Drawn]") -> None:
    """What was drawn, and what its second look said."""
    columns = ["column-release", "column-permit", "column-state", "column-since", "column-look"]
    rows = [
        (
            one.release,
            one.permit,
            voice.word(f"release-{one.state}"),
            f"{one.since:%Y-%m-%d %H:%MZ}",
            voice.word(f"look-{one.verdict}") if one.verdict else "",
        )
        for one in found
    ]
    if rows:
        voice.table(columns, rows)
    else:
        voice.say("sample-empty")
    told = [{**asdict(one), "since": one.since.isoformat()} for one in found]
    voice.result("release-sample", {"schema": "rempart.release-sample/1", "releases": told})
