# SPDX-License-Identifier: Apache-2.0
"""Commands that keep a warehouse from being lost or rewritten: the witness's cosignature, backup, restore."""

from dataclasses import asdict
from pathlib import Path

from rempart.cli.session import Session
from rempart.errors import Missing


def witness(
    session: Session,
    checkpoint: Path,
    /,
    *,
    key: Path,
    seen: Path | None = None,
    to: Path | None = None,
    log: str | None = None,
    name: str | None = None,
    mldsa: Path | None = None,
    keys: Path | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Cosign a checkpoint, once it continues the last one that was seen."""
    from rempart.wiring.witness import cosign_file

    done = cosign_file(
        session.directory,
        checkpoint,
        key_file=key,
        ask=session.asker(passphrase_fd),
        seen_file=seen or key.with_name(key.name + ".seen"),
        to=to or checkpoint,
        log=log,
        name=name,
        mldsa=mldsa,
        keys=keys,
    )
    if done.made:
        session.voice.say("mldsa-made", file=str(mldsa))
    session.voice.say("witness-done", leaves=done.size, name=done.name, file=str(to or checkpoint))
    told = {"size": done.size, "time": done.time, "name": done.name, "checkpoint": done.note, "keys": list(done.keys)}
    session.voice.result("audit-witness", told)
    return 0


def backup(session: Session, file: Path, /, *, plan: bool = False, head: Path | None = None) -> int:
    """Seal keys, ledger and documents into one file."""
    from rempart.wiring.backup import plan_backup, take_backup
    from rempart.wiring.warehouse import Warehouse

    voice, warehouse = session.voice, Warehouse(session.directory)
    if plan:
        rows = plan_backup(warehouse)
        voice.table(["column-what", "column-files", "column-bytes"], rows)
        voice.say("plan-only")
        voice.result("backup-plan", {"kept": [list(row) for row in rows]})
        return 0
    with voice.bars() as bars:
        done = take_backup(warehouse, file, head=head, progress=bars)
    voice.say("backup-done", backup=done.id, files=done.files, bytes=done.bytes, file=str(file))
    voice.say("backup-sha256", sha256=done.sha256)
    voice.say("backup-head", leaves=done.size)
    voice.result("backup", asdict(done))
    return 0


def restore(
    session: Session,
    file: Path,
    /,
    *,
    into: Path,
    share: list[Path],
    head: Path | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Put a warehouse's controller side back from a backup."""
    from rempart.cli.key_commands import opened_shares
    from rempart.wiring.backup import restore as put_back

    if not file.is_file():
        raise Missing("file-absent", file=str(file))
    shares = opened_shares(session, share, passphrase_fd)
    done = put_back(into, file, shares=shares, head=head)
    voice = session.voice
    voice.say("restore-done", backup=done.backup, taken=voice.when(done.taken), leaves=done.size, folder=str(into))
    voice.say("restore-held" if done.held else "restore-not-held", leaves=done.held)
    voice.say("restore-next")
    for name in done.remote:
        voice.say("restore-host", name=name)
    voice.result("restore", asdict(done))
    return 0
