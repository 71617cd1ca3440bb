# SPDX-License-Identifier: Apache-2.0
"""Commands that take the warehouse to another host: plan, run, verify, cutover, certificate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rempart.cli.session import Session
from rempart.errors import BadInput


def plan(session: Session, source: str, target: str, /, *, checkpoint: Path | None = None, threads: int = 4) -> int:
    """Say what a move takes and write its order."""
    from rempart.cli.move_bar import bytes_in_words, seconds_in_words
    from rempart.wiring.migration import plan_move
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    made = plan_move(Warehouse(session.directory), source=source, target=target, checkpoint=checkpoint, threads=threads)
    guess, move = made.estimate, made.order.move
    voice.table(
        ["column-name", "column-writes", "column-reads", "column-latency"],
        [
            (
                name,
                f"{bytes_in_words(voice, rates.write)}/s",
                f"{bytes_in_words(voice, rates.read)}/s",
                f"{voice.number(f'{rates.latency * 1000:.1f}')} ms",
            )
            for name, rates in ((source, made.source), (target, made.target))
        ],
    )
    voice.say("move-planned", snapshots=made.snapshots, objects=guess.objects, bytes=bytes_in_words(voice, guess.bytes))
    voice.say("move-may", target=target, may=voice.word(f"may-{made.verdict.profile}"))
    voice.say("move-estimate", time=seconds_in_words(voice, guess.seconds), threads=threads)
    voice.say("move-next", move=move)
    voice.result(
        "migrate-plan",
        {
            "move": move,
            "from": source,
            "to": target,
            "may": made.verdict.profile,
            "snapshots": made.snapshots,
            "objects": guess.objects,
            "bytes": guess.bytes,
            "seconds": guess.seconds,
            "rates": {"from": made.source.as_dict(), "to": made.target.as_dict()},
        },
    )
    return 0


def run(session: Session, move: str, /, *, threads: int = 4) -> int:
    """Copy, proving each object on its way and again on the target."""
    return _moved(session, move, verify=False, threads=threads)


def verify(session: Session, move: str, /, *, threads: int = 4) -> int:
    """Read everything on the target again."""
    return _moved(session, move, verify=True, threads=threads)


def _moved(session: Session, move: str, *, verify: bool, threads: int) -> int:
    from rempart.cli.move_bar import MoveBar, bytes_in_words, seconds_in_words
    from rempart.wiring.migration import run_move
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    with MoveBar(voice) as bar:

        def told(line: Mapping[str, Any]) -> None:
            bar.told(line)
            for name, _, code in line.get("report", {}).get("failed", ()):
                voice.warn(f"{name} {code}")

        report = run_move(Warehouse(session.directory), move=move, verify=verify, threads=threads, told=told)
    speed = f"{bytes_in_words(voice, report.bytes / max(report.seconds, 1e-3))}/s"
    voice.say(
        "move-verified" if verify else "move-done", objects=report.objects, bytes=bytes_in_words(voice, report.bytes)
    )
    if not verify:
        voice.say("move-counts", copied=report.copied, already=report.already, replaced=report.replaced)
    voice.say(
        "move-speed",
        time=seconds_in_words(voice, report.seconds),
        speed=speed,
        memory=bytes_in_words(voice, report.memory),
    )
    voice.say("move-root", root=report.root)
    if not verify:
        voice.say("move-cutover-next", move=move)
    voice.result(f"migrate-{report.mode}", report.as_dict())
    return 0


def cutover(
    session: Session,
    move: str,
    /,
    *,
    by: list[Path],
    backup: list[Path] | None = None,
    declare_destroyed: list[str] | None = None,
    keep_old: bool = False,
    yes: bool = False,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Make the target the active host, and leave nothing behind that opens."""
    from rempart.wiring.cutover import Orders, cut_over_move

    voice = session.voice
    session.confirm(move, yes=yes)
    with voice.bars() as bars:
        orders = Orders(
            officers=by,
            ask=session.askers(passphrase_fd),
            backups=backup or (),
            declared=declare_destroyed or (),
            keep_old=keep_old,
            progress=bars,
        )
        done = cut_over_move(session.directory, move=move, orders=orders)
    voice.say("cutover-done", target=done.order.target.name, index=done.index)
    voice.say("cutover-keys", count=len(done.certificates))
    if keep_old:
        voice.say("cutover-kept", source=done.order.source.name)
    else:
        voice.say("cutover-deleted", source=done.order.source.name, asked=done.asked, left=done.left)
    voice.say("cutover-next", move=move)
    folders = [str(folder) for folder in done.certificates]
    told = {"move": move, "index": done.index, "erasures": folders, "asked": done.asked, "left": done.left}
    voice.result("migrate-cutover", told)
    return 0


def certificate(
    session: Session,
    move: str = "",
    /,
    *,
    to: Path | None = None,
    verify: Path | None = None,
    ledger_key: str | None = None,
) -> int:
    """Write the certificate of a move, or check one offline."""
    from rempart.cli.move_bar import bytes_in_words
    from rempart.wiring.certificate import certify, check_certificate
    from rempart.wiring.releases import ledger_identity
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    if bool(move) == bool(verify):
        raise BadInput("certificate-what")
    if verify is not None:
        origin, public = ledger_identity(session.directory, ledger_key)
        found = check_certificate(verify, origin=origin, public=public)
    else:
        found = certify(Warehouse(session.directory), move=move, to=to)
    body = found.body
    told = {"move": body["move"], "source": body["from"]["name"], "target": body["to"]["name"]}
    size = bytes_in_words(voice, body["source"]["bytes"])
    voice.say("certificate-proven" if verify else "certificate-made", **told)
    voice.say("certificate-same", objects=body["source"]["objects"], bytes=size, root=body["source"]["root"])
    if verify is None:
        voice.say("certificate-where", folder=str(found.folder))
    voice.result("migrate-certificate", {"document": found.document, "folder": str(found.folder), "body": dict(body)})
    return 0
