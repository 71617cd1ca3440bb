# SPDX-License-Identifier: Apache-2.0
"""Commands on traces: their monthly control, and their purge."""

from pathlib import Path

from rempart.cli.session import Session
from rempart.errors import BadInput


def control(session: Session, month: str, /, *, by: Path | None = None, passphrase_fd: int | None = None) -> int:
    """Show what the traces of a month show, and sign as the auditor that they were looked at."""
    from rempart.wiring.keeping import control_month, month_controlled, patterns
    from rempart.wiring.warehouse import Warehouse

    voice, place, table = session.voice, Warehouse(session.directory), patterns()
    if by is None:
        found = month_controlled(place, month)
    else:
        with voice.bars() as bars:
            found = control_month(place, month, key_file=by, ask=session.asker(passphrase_fd), progress=bars)
    rows = [(one.leaf, one.pattern, one.say(table, voice.language)) for one in found.anomalies]
    if rows:
        voice.table(["column-leaf", "column-pattern", "column-meaning"], rows)
    leaves = found.month.to - found.month.first
    voice.say("month-looked-at", month=month, leaves=leaves, anomalies=len(rows))
    voice.say("control-signed-by", by=found.by) if found.by else voice.say(
        "control-signed-before" if found.signed else "control-unsigned"
    )
    told = [{"leaf": leaf, "pattern": pattern, "words": words} for leaf, pattern, words in rows]
    voice.result("audit-control", {"month": month, "leaves": leaves, "signed": found.signed, "anomalies": told})
    return 0


def purge(session: Session, *, by: list[Path] | None = None, passphrase_fd: list[int] | None = None) -> int:
    """Show which old traces would go, or let them go by the word of two officers."""
    from rempart.wiring.keeping import backups_holding, purge_planned, purge_traces
    from rempart.wiring.warehouse import Warehouse

    voice, place = session.voice, Warehouse(session.directory)
    if by is not None and len(by) < 2:
        raise BadInput("purge-by")
    plan = purge_planned(place)
    voice.say("purge-plan", before=plan.before.isoformat(), days=plan.days, count=len(plan.leaves))
    if plan.missing:
        voice.say("purge-missing", months=", ".join(plan.missing))
    gone = purge_traces(place, by=by, ask=session.askers(passphrase_fd)) if by else 0
    if by:
        voice.say("purge-done", count=gone)
    holding = backups_holding(place)
    if holding:
        voice.say("purge-backups", count=len(holding))
        voice.table(["column-backup", "column-taken"], [(one.id, voice.when(one.taken)) for one in holding])
    told = {"before": plan.before.isoformat(), "days": plan.days, "due": len(plan.leaves), "purged": gone}
    voice.result(
        "audit-purge",
        {**told, "missing": list(plan.missing), "backups": [{"id": one.id, "taken": one.taken} for one in holding]},
    )
    return 0
