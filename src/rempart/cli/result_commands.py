# SPDX-License-Identifier: Apache-2.0
"""Commands about what leaves: submission, checks, publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.cli.way_out_commands import only_tables, say_close, say_option
from rempart.records.moved import NONE

if TYPE_CHECKING:
    from rempart.wiring.releases import Submitted
    from rempart.wiring.signing import Ask
    from rempart.wiring.warehouse import Warehouse


def submit(
    session: Session,
    run: str,
    /,
    *,
    key: Path,
    context: str = "tables of the signed study",
    show: bool = False,
    derogation: list[str] | None = None,
    release: str = "",
    file: list[str] | None = None,
    statement: Path | None = None,
    option: str = NONE,
    passphrase_fd: int | None = None,
) -> int:
    """Check every table of a run, or every file of a job, and submit it."""
    from rempart.cli.tables import show_tables
    from rempart.wiring.job_releases import is_job
    from rempart.wiring.releases import submit_run
    from rempart.wiring.warehouse import Warehouse

    if is_job(run):
        only_tables(option)
        chosen = _Chosen(files=tuple(file or ()), context=context, statement=statement, release=release)
        return _submit_files(session, run, chosen, key=key, passphrase_fd=passphrase_fd)
    voice = session.voice
    made = submit_run(
        Warehouse(session.directory),
        run=run,
        context=context,
        key_file=key,
        ask=session.asker(passphrase_fd),
        derogations=derogation or (),
        release=release,
        option=option,
    )
    _told(voice, made, derogation or [], option)
    if show:
        show_tables(voice, made.tables)
    voice.result("release-submit", _as_data(made))
    return 0


def _as_data(made: "Submitted") -> dict[str, object]:
    told: dict[str, object] = {"release": made.release, "findings": made.findings}
    told |= {"beside": list(made.beside), "unread": list(made.unread)}
    return told | ({"cleared": made.cleared, "waits": list(made.waits)} if made.cleared or made.waits else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """What an author says of a job's files."""

    files: tuple[str, ...]
    context: str
    statement: Path | None
    release: str


def _submit_files(session: Session, run: str, chosen: _Chosen, *, key: Path, passphrase_fd: int | None) -> int:
    """Submit files of a researcher's own code."""
    from rempart.cli.file_pages import show_findings
    from rempart.wiring.job_releases import submit_job
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    release, files = submit_job(
        Warehouse(session.directory),
        run=run,
        files=chosen.files,
        context=chosen.context,
        statement=chosen.statement,
        key_file=key,
        ask=session.asker(passphrase_fd),
        language=voice.language,
        release=chosen.release,
    )
    told = show_findings(voice, files)
    voice.say("submitted-files", release=release, files=len(files))
    voice.say("submitted-next", release=release)
    voice.result("release-submit", {"release": release, "files": told})
    return 0


def _told(voice: Voice, made: "Submitted", derogation: Sequence[str], option: str) -> None:
    """What was submitted, and what comes next."""
    say_option(voice, option)
    voice.table(
        ["column-output", "column-cells", "column-suppressed"],
        [(str(f["output"]), int(str(f["cells"])), int(str(f["suppressed"]))) for f in made.findings],
    )
    suppressed = sum(int(str(f["suppressed"])) for f in made.findings)
    voice.say("submitted", release=made.release, outputs=len(made.tables), suppressed=suppressed)
    if made.beside:
        voice.say("submitted-beside", releases=", ".join(made.beside))
    if made.unread:
        voice.say("submitted-unread", releases=", ".join(made.unread))
    say_close(voice, made.findings)
    if derogation:
        voice.say("submitted-derogation", outcomes=", ".join(sorted(derogation)))
    if made.cleared:
        voice.say("submitted-cleared", release=made.release)
        return
    if made.waits:
        voice.say("submitted-waits", reasons=", ".join(voice.word(reason) for reason in made.waits))
    voice.say("submitted-next", release=made.release)


def review(
    session: Session,
    release: str,
    /,
    *,
    key: Path,
    verdict: Literal["approve", "changes"] | None = None,
    file: list[str] | None = None,
    public: str = "",
    private: str = "",
    derogation: list[str] | None = None,
    out: Path | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Show the checked tables or files, or vote on them."""
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.way_out import vote

    voice = session.voice
    warehouse = Warehouse(session.directory)
    ask = session.asker(passphrase_fd)
    if verdict is None:
        return _show(voice, warehouse, release=release, key=key, ask=ask, out=out)
    actor, state = vote(
        warehouse,
        release=release,
        verdict=verdict,
        files=file or (),
        public=public,
        private=private,
        key_file=key,
        ask=ask,
        derogations=derogation or (),
    )
    voice.say("voted", actor=actor, release=release, verdict=voice.word(f"verdict-{verdict}"))
    voice.result("release-review", {"release": release, "actor": actor, "state": state})
    return 0


def _show(voice: Voice, warehouse: "Warehouse", *, release: str, key: Path, ask: "Ask", out: Path | None) -> int:
    """What would leave, for who may see it."""
    from rempart.cli.file_pages import show_files, show_findings
    from rempart.wiring.job_releases import files_under_review
    from rempart.wiring.releases import page_under_review

    told: dict[str, object] = {"release": release}
    files = files_under_review(warehouse, release=release, key_file=key, ask=ask, language=voice.language, out=out)
    if files is not None:
        told["files"] = show_findings(voice, files)
        show_files(voice, files, out)
    else:
        page, outputs = page_under_review(warehouse, release=release, key_file=key, ask=ask, language=voice.language)
        told["tables"] = outputs
        voice.plain(page)
    voice.say("review-next", release=release)
    voice.result("release-review", told)
    return 0


def publish(session: Session, release: str, /, *, key: Path, passphrase_fd: int | None = None) -> int:
    """Publish an approved release."""
    from rempart.wiring.releases import publish_release
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    folder = publish_release(
        Warehouse(session.directory), release=release, key_file=key, ask=session.asker(passphrase_fd)
    )
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    voice.say("published", release=release, folder=str(folder))
    for name in files:
        voice.plain(f"  {name}")
    voice.say("publish-next", folder=str(folder))
    voice.result("release-publish", {"release": release, "folder": str(folder), "files": files})
    return 0


def verify(session: Session, folder: Path, /, *, ledger_key: str | None = None, policy: Path | None = None) -> int:
    """Check a published folder against its proof, offline."""
    from rempart.wiring.releases import ledger_identity, verify_release

    origin, public = ledger_identity(session.directory, ledger_key)
    found = verify_release(folder, origin=origin, public=public, policy=policy)
    session.voice.say("release-proven", release=found["release"], permit=found["permit"], time=found["time"])
    if not found["tlog_proof"]:
        session.voice.say("release-no-proof")
    if "witnesses" in found:
        session.voice.say("release-witnessed", witnesses=found["witnesses"])
    session.voice.result("release-verify", found)
    return 0


def list_releases(session: Session) -> int:
    """Releases and their states."""
    from rempart.wiring.projection import release_list
    from rempart.wiring.warehouse import Warehouse

    found = release_list(Warehouse(session.directory))
    columns = ("release", "permit", "state")
    session.voice.table([f"column-{name}" for name in columns], [[row[name] for name in columns] for row in found])
    session.voice.result("release-list", {"releases": found})
    return 0
