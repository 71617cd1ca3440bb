# SPDX-License-Identifier: Apache-2.0
"""Commands that hand an auditor or a regulator what they ask for."""

from pathlib import Path
from typing import Literal

from rempart.cli.session import Session


def pack(session: Session, *, to: Path, tests: Path | None = None) -> int:
    """Write an evidence pack to a new folder."""
    from rempart.audit.evidence_pack import RESULTS
    from rempart.wiring.evidence_pack import write_evidence_pack
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    with voice.bars() as bars:
        made = write_evidence_pack(Warehouse(session.directory), to=to, tests=tests, progress=bars)
    listed = made.content["frameworks"]
    columns = ["column-framework", *(f"column-result-{name}" for name in RESULTS)]
    told = [(f["name"], *(f["totals"].get(name, 0) for name in RESULTS)) for f in listed]
    voice.table(columns, told)
    voice.say("pack-made", folder=str(to), files=made.files, leaves=made.content["log"]["size"])
    voice.say("pack-tests", cited=made.cited, ran=made.ran)
    voice.say("pack-verify", folder=str(to))
    totals = {framework["name"]: framework["totals"] for framework in listed}
    voice.result(
        "audit-pack",
        {"folder": str(to), "files": made.files, "totals": totals, "cited": made.cited, "ran": made.ran},
    )
    return 0


def report(
    session: Session, *, regulator: Literal["cnil", "ehds"], since: str, until: str, to: Path | None = None
) -> int:
    """The activity of a stretch of time, for a regulator."""
    from rempart.adapters.ledger_files import replace
    from rempart.wiring.activity import activity_report
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    told, page = activity_report(
        Warehouse(session.directory), regulator=regulator, since=since, until=until, language=voice.language
    )
    if to is None:
        voice.plain(page)
    else:
        replace(to, page.encode())
        voice.say("report-made", file=str(to))
    voice.result("audit-report", told)
    return 0


def catalogue(session: Session, file: Path, /, *, to: Path) -> int:
    """Describe the warehouse to everybody, without small counts."""
    from rempart.wiring.catalogue import write_catalogue
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    with voice.bars() as bars:
        told = write_catalogue(Warehouse(session.directory), file=file, to=to, progress=bars)
    silent = sum(one.percent is None for one in told.variables)
    voice.say("catalogue-made", folder=str(to), tables=len(told.tables), variables=len(told.variables), silent=silent)
    counts = {"tables": dict(told.tables), "variables": len(told.variables), "silent": silent}
    voice.result("audit-catalogue", {"folder": str(to), "head": told.head, "persons": told.persons, **counts})
    return 0
