# SPDX-License-Identifier: Apache-2.0
"""Commands about hosts and compute nodes: what is declared of them, what they may hold, what they can infer or hand over."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rempart.cli.leakage_words import say_leakage
from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.errors import BadInput

if TYPE_CHECKING:
    from rempart.hosts.guard import Ending, Judgement
    from rempart.hosts.posture import Stand
    from rempart.hosts.rules import Rules
    from rempart.journeys.hosts import Registered
    from rempart.wiring.host_register import Added

_MEGA = 1_000_000


def add(
    session: Session,
    file: Path,
    /,
    *,
    by: list[Path],
    credentials: Path | None = None,
    by_passphrase_fd: int | None = None,
) -> int:
    """Declare a host: two officers sign."""
    from rempart.wiring.host_register import add_host
    from rempart.wiring.warehouse import Warehouse

    made = add_host(
        Warehouse(session.directory),
        file=file,
        credentials=credentials,
        key_files=by,
        ask=session.asker(by_passphrase_fd),
    )
    return _told(session, made, "hosts-add")


def node(session: Session, file: Path, /, *, by: list[Path], by_passphrase_fd: int | None = None) -> int:
    """Declare this machine as a compute node: two officers sign."""
    from rempart.wiring.host_register import add_node
    from rempart.wiring.warehouse import Warehouse

    made = add_node(Warehouse(session.directory), file=file, key_files=by, ask=session.asker(by_passphrase_fd))
    return _told(session, made, "hosts-node")


def show(session: Session, name: str = "", /, *, public: bool = False) -> int:
    """What is declared, and what it allows."""
    from rempart.wiring.host_register import active_name, declared, judged, one_declared, rules
    from rempart.wiring.warehouse import Warehouse

    warehouse, voice = Warehouse(session.directory), session.voice
    items = one_declared(warehouse, name) if name else declared(warehouse)
    if public:
        return _public(voice, items, rules())
    active, table = active_name(warehouse), rules()
    verdicts = [judged(item) for item in items]
    rows = [
        (i.name, _kind(voice, i.kind, i.kind == "host" and i.name == active), voice.word(f"may-{v.profile}"),
         i.declaration.valid[1].isoformat(), ", ".join(i.officers))
        for i, v in zip(items, verdicts, strict=True)
    ]  # fmt: skip
    voice.table(["column-name", "column-kind", "column-may-hold", "column-until", "column-officers"], rows)
    if name or not items:
        voice.say("declared-only" if items else "declared-none")
    for item, verdict in zip(items, verdicts, strict=True) if name else ():
        _say_judgement(voice, item.name, verdict, table)
    told = [_listed(i, v, table, voice.language) for i, v in zip(items, verdicts, strict=True)]
    voice.result("hosts-show", {"declared": told, "active": active})
    return 0


def posture(session: Session, *, without: list[str] | None = None, on: str = "", speed: float = 0.0) -> int:
    """What each host and node may hold, what becomes unlawful, what must move and how long it takes."""
    from rempart.wiring.host_register import rules, stands
    from rempart.wiring.warehouse import Warehouse

    voice, table = session.voice, rules()
    day = _day(on)
    found = stands(Warehouse(session.directory), without=set(without or ()), on=day, speed=speed * _MEGA or None)
    rows = [
        (s.declared.declaration.name, _kind(voice, s.declared.kind, s.declared.active),
         voice.word(f"may-{s.before.profile}"), voice.word(f"may-{s.after.profile}"), s.declared.objects, s.declared.bytes)
        for s in found
    ]  # fmt: skip
    voice.table(["column-name", "column-kind", "column-now", "column-then", "column-objects", "column-bytes"], rows)
    for stand in found:
        _say_judgement(voice, stand.declared.declaration.name, stand.after, table)
    for stand in found:
        _say_move(voice, stand)
    if not any(stand.must_move or stand.must_stop for stand in found):
        voice.say("posture-sound" if found else "declared-none")
    voice.say("declared-only")
    voice.result("hosts-posture", {"stands": [_stood(stand, table, voice.language) for stand in found]})
    return 1 if any(stand.must_move or stand.must_stop for stand in found) else 0


def leakage(session: Session, name: str = "", /) -> int:
    """What a host can infer."""
    from rempart.wiring.host_report import measure_leakage
    from rempart.wiring.warehouse import Warehouse

    with session.voice.bars() as bars:
        found = measure_leakage(Warehouse(session.directory), name, progress=bars)
    say_leakage(session.voice, found)
    session.voice.result("hosts-leakage", found)
    return 0


def order_report(
    session: Session,
    name: str = "",
    /,
    *,
    to: Path | None = None,
    by: list[Path] | None = None,
    verify: Path | None = None,
    by_passphrase_fd: int | None = None,
) -> int:
    """Everything that a host could hand over, each object with what proves it ciphertext."""
    from rempart.wiring.host_report import check_report, report_summary, sign_report, take_report
    from rempart.wiring.warehouse import Warehouse

    if verify is not None:
        return _verified(session.voice, check_report(session.directory, verify))
    warehouse = Warehouse(session.directory)
    with session.voice.bars() as bars:
        body = take_report(warehouse, name, progress=bars)
    told = report_summary(body)
    _say_report(session.voice, told)
    if to is not None:
        ask = session.asker(by_passphrase_fd)
        told["document"] = sign_report(warehouse, body, file=to, key_files=by or [], ask=ask)
        session.voice.say("report-written", file=str(to))
    session.voice.result("hosts-order-report", told)
    return 0 if told["ciphertext"] else 1


def warn_of_endings(session: Session) -> None:
    """Before a command that writes to the host: what its declaration rests on and ends soon."""
    from rempart.wiring.host_register import writable
    from rempart.wiring.warehouse import Warehouse

    for ending in writable(Warehouse(session.directory)):
        session.voice.warn(_ending(session.voice, ending))


def _told(session: Session, made: "Added", schema: str) -> int:
    from rempart.wiring.host_register import rules

    voice, name = session.voice, made.registered.name
    voice.say("declared", name=name, officers=", ".join(made.registered.officers))
    voice.say("declared-may", name=name, may=voice.word(f"may-{made.judgement.profile}"))
    _say_judgement(voice, name, made.judgement, rules())
    voice.say("declared-only")
    voice.result(schema, _listed(made.registered, made.judgement, rules(), voice.language))
    return 0


def _say_judgement(voice: Voice, name: str, verdict: "Judgement", rules: "Rules") -> None:
    """Why less than everything, rule by rule with its citation; then what ends soon."""
    for item in verdict.findings:
        rule = rules.rule(item.rule)
        voice.say("host-finding", name=name, told=rule.found[voice.language].format(what=item.what), rule=rule.id)
        voice.say("host-citation", cites=rule.cites, sure=rule.sure[voice.language])
    for ending in verdict.warnings:
        voice.warn(_ending(voice, ending))


def _say_move(voice: Voice, stand: "Stand") -> None:
    name, declared = stand.declared.declaration.name, stand.declared
    if stand.lost:
        voice.say("posture-lost", name=name, may=voice.word(f"may-{stand.after.profile}"))
    if stand.must_stop:
        voice.say("posture-stop", name=name)
    if stand.must_move and stand.seconds is None:
        voice.say("posture-move-unmeasured", name=name, objects=declared.objects, bytes=declared.bytes)
    elif stand.must_move:
        seconds = stand.seconds or 0
        clock = f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
        voice.say("posture-move", name=name, objects=declared.objects, bytes=declared.bytes, time=clock)


def _ending(voice: Voice, ending: "Ending") -> str:
    words = {"declaration", "hds", "secnumcloud"}
    what = voice.word(f"end-{ending.what}") if ending.what in words else ending.what
    return voice.word("ends-soon", what=what, date=ending.until.isoformat(), days=ending.days)


def _public(voice: Voice, items: Sequence["Registered"], rules: "Rules") -> int:
    """The table that is published, one column a host; nodes are not hosts."""
    from rempart.hosts.posture import transparency

    tables = {item.name: transparency(item.declaration, rules) for item in items if item.kind == "host"}
    for name, rows in tables.items():
        voice.plain(name, style="bold")
        voice.table(["column-field", "column-declared"], [(voice.word(f"public-{f}"), v or "–") for f, v in rows])
    voice.say("public-note")
    voice.result("hosts-transparency", {"hosts": {name: dict(rows) for name, rows in tables.items()}})
    return 0


def _verified(voice: Voice, found: dict[str, Any]) -> int:
    _say_report(voice, found)
    voice.say("report-verified", host=found["host"], made=voice.when(found["made"]))
    voice.say(
        "report-pins-compared" if found["compared"] else "report-pins",
        trust=found["trust"],
        vault=found["vault_public"],
    )
    voice.result("hosts-order-report", found)
    return 0 if found["ciphertext"] else 1


def _say_report(voice: Voice, told: dict[str, Any]) -> None:
    rows = [(voice.word(f"proof-{name}"), count) for name, count in told["proofs"].items()]
    voice.table(["column-proof", "column-count"], rows)
    for name in told["foreign"]:
        voice.say("report-foreign", object=name)
    for name in told["missing"]:
        voice.say("report-missing", object=name)
    voice.say("report-sound" if told["ciphertext"] else "report-unsound", objects=told["objects"], bytes=told["bytes"])


def _kind(voice: Voice, kind: str, active: bool) -> str:
    return voice.word(f"kind-{kind}-active" if active else f"kind-{kind}")


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadInput("day-form", day=text) from error


def _listed(item: "Registered", verdict: "Judgement", rules: "Rules", language: str) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "name": item.name,
        "document": item.document,
        "officers": list(item.officers),
        "declaration": dict(item.body),
        **_verdict(verdict, rules, language),
    }


def _stood(stand: "Stand", rules: "Rules", language: str) -> dict[str, Any]:
    return {
        "kind": stand.declared.kind,
        "name": stand.declared.declaration.name,
        "active": stand.declared.active,
        "before": stand.before.profile,
        **_verdict(stand.after, rules, language),
        "unlawful": stand.lost,
        "move": stand.must_move,
        "stop": stand.must_stop,
        "objects": stand.declared.objects,
        "bytes": stand.declared.bytes,
        "seconds": stand.seconds,
    }


def _verdict(verdict: "Judgement", rules: "Rules", language: str) -> dict[str, Any]:
    findings = [
        {"rule": i.rule, "effect": i.effect, "what": i.what, "cites": rules.rule(i.rule).cites,
         "words": rules.rule(i.rule).found[language].format(what=i.what)}
        for i in verdict.findings
    ]  # fmt: skip
    endings = [{"what": e.what, "until": e.until.isoformat(), "days": e.days} for e in verdict.warnings]
    return {"profile": verdict.profile, "findings": findings, "endings": endings}
