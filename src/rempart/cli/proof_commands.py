# SPDX-License-Identifier: Apache-2.0
"""Commands that prove: the ledger, its checkpoints, the content of a space, and what the host could read."""

from collections.abc import Sequence
from pathlib import Path

from rempart.audit.findings import ANOMALY, Findings
from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.errors import BadInput, NotTrusted

_SHOWN = 40


def verify(session: Session, *, since: Path | None = None, deep: bool = False, policy: Path | None = None) -> int:
    """Recompute the whole ledger and check every rule."""
    from rempart.wiring.alarm import findings_alarm
    from rempart.wiring.audit import audit_rules, check_quorum, verify_warehouse
    from rempart.wiring.warehouse import Warehouse

    voice, warehouse = session.voice, Warehouse(session.directory)
    if policy is not None:
        leaves, witnesses = check_quorum(warehouse, policy, since=since)
        voice.say("policy-met", leaves=leaves, witnesses=", ".join(witnesses) or "-")
    with voice.bars() as bars:
        found = verify_warehouse(warehouse, since=since, deep=deep, progress=bars)
    findings_alarm(session.directory, found)
    rules = audit_rules()
    counted = [(voice.word(f"counted-{what}"), count) for what, count in found.counts.items()]
    voice.table(["column-checked", "column-count"], counted)
    told = [(item, item.say(rules, voice.language)) for item in found.items]
    _say_findings(voice, found, [words for _, words in told])
    listed = [{"index": i.index, "rule": i.rule, "family": i.family, "words": words} for i, words in told]
    head = {"sound": found.ok, "size": found.size, "root": found.root.hex()}
    voice.result("audit-verify", {**head, "counts": dict(found.counts), "findings": listed})
    return 0 if found.ok else NotTrusted.exit_code


def _say_findings(voice: Voice, found: Findings, told: Sequence[str]) -> None:
    """The first findings, breaches before anomalies, then what they come to and what to do next."""
    breaches = len(found.items) - len(found.anomalies)
    rows = sorted(zip(found.items, told, strict=True), key=lambda row: row[0].family == ANOMALY)
    for item, words in rows[:_SHOWN]:
        where = "-" if item.index is None else item.index
        voice.say(
            "audit-anomaly" if item.family == ANOMALY else "audit-finding", index=where, rule=item.rule, told=words
        )
    if len(rows) > _SHOWN:
        voice.say("audit-more", count=len(rows) - _SHOWN)
    if found.ok:
        voice.say("audit-sound", leaves=found.size)
    else:
        voice.say("audit-unsound", findings=breaches)
    if found.anomalies:
        voice.say("audit-anomalies", count=len(found.anomalies))
    if found.first is not None:
        voice.say("audit-next-log" if found.first.rule.startswith("log-") else "audit-next-rule")


def export(session: Session, file: Path, /, *, since: int | None = None) -> int:
    """Write the newest signed checkpoint to a file kept elsewhere."""
    from rempart.records.vkey import ED25519_LOG, VerifierKey
    from rempart.wiring.ledger import export_checkpoint
    from rempart.wiring.warehouse import Warehouse
    from rempart.wiring.witness import export_request

    settings = Warehouse(session.directory).configuration
    if since is None:
        text = export_checkpoint(session.directory, settings, file)
    else:
        text = export_request(session.directory, settings, file, old=since)
    log = VerifierKey(name=settings.ledger_origin, kind=ED25519_LOG, public=settings.ledger_public).line
    session.voice.say("checkpoint-exported", file=str(file))
    session.voice.say("log-key", key=log)
    session.voice.result("audit-export", {"checkpoint": text, "log": log})
    return 0


def scan(session: Session, needles: Path, /, *, folder: Path | None = None) -> int:
    """Search every byte under the host's folder for the lines of a file."""
    from rempart.adapters.text_input import read_text
    from rempart.wiring.audit import scan_folder
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    place = folder or Warehouse(session.directory).host_folder
    wanted = [line.encode() for line in read_text(needles).splitlines() if line.strip()]
    with voice.bars() as bars:
        hits, files, size = scan_folder(place, wanted, progress=bars)
    voice.table(["column-canary", "column-hits"], [(needle.decode(), count) for needle, count in hits.items()])
    voice.say("scan-done", files=files, bytes=size, found=sum(1 for count in hits.values() if count), of=len(hits))
    voice.result(
        "audit-scan",
        {"files": files, "bytes": size, "hits": {needle.decode(): count for needle, count in hits.items()}},
    )
    return 1 if any(hits.values()) else 0


def content(session: Session) -> int:
    """Hash the content of the warehouse, independent of shards, order and keys."""
    from rempart.wiring.content import hash_warehouse
    from rempart.wiring.warehouse import Warehouse

    with session.voice.bars() as bars:
        found = hash_warehouse(Warehouse(session.directory), progress=bars)
    session.voice.table(["column-table", "column-content"], list(found.items()))
    session.voice.result("vault-hash", {"content": found})
    return 0


def cosign(session: Session, file: Path | None = None, /) -> int:
    """Have the policy's witnesses cosign the newest checkpoint, or take up one that they cosigned by file."""
    from rempart.wiring.cosigning import have_cosigned
    from rempart.wiring.warehouse import Warehouse

    leaves, witnesses = have_cosigned(Warehouse(session.directory), file)
    session.voice.say("cosigned", leaves=leaves, witnesses=", ".join(witnesses))
    session.voice.result("audit-cosign", {"size": leaves, "witnesses": list(witnesses)})
    return 0


def receipts(session: Session, folder: Path, /, *, log: str | None = None, at: Path | None = None) -> int:
    """Hold receipts against the ledger as it stands, or offline against what was published of it."""
    from rempart.wiring.receipts import check_receipts, check_receipts_offline
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    if (log is None) != (at is None):
        raise BadInput("receipts-offline")
    if log is not None and at is not None:
        found = check_receipts_offline(folder, log=log, at=at)
    else:
        found = check_receipts(session.directory, Warehouse(session.directory).configuration, folder)
    for file, code in found.bad:
        voice.say("receipt-bad", file=file, code=code)
    voice.say("receipts-held", held=found.held, leaves=found.size, bad=len(found.bad))
    voice.result("audit-receipts", {"size": found.size, "held": found.held, "bad": [list(row) for row in found.bad]})
    return NotTrusted.exit_code if found.bad else 0


def recover(
    session: Session,
    source: str,
    /,
    *,
    by: list[Path] | None = None,
    witnessed: Path | None = None,
    plan: bool = False,
    passphrase_fd: list[int] | None = None,
) -> int:
    """Take back leaves that were lost, from the second machine or from a copy of the ledger."""
    from rempart.wiring.recovery import recover as take_back

    ask = session.askers(passphrase_fd)
    done = take_back(session.directory, source=source, by=by or [], ask=ask, witnessed=witnessed, plan=plan)
    session.voice.say("recover-plan" if plan else "recover-done", had=done.had, got=done.got)
    session.voice.result("audit-recover", {"had": done.had, "got": done.got, "source": done.source, "plan": plan})
    return 0
