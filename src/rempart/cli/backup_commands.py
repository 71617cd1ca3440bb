# SPDX-License-Identifier: Apache-2.0
"""Commands that keep a warehouse from being lost or rewritten: the witness's cosignature, backup, restore."""

from pathlib import Path

from rempart.cli.session import Session


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
    )
    session.voice.say("witness-done", leaves=done.size, name=done.name, file=str(to or checkpoint))
    session.voice.result(
        "audit-witness", {"size": done.size, "time": done.time, "name": done.name, "checkpoint": done.note}
    )
    return 0
