# SPDX-License-Identifier: Apache-2.0
"""The way out on the command line: submit, review, publish, list."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.configuration import read_configuration
from rempart.adapters.figures import draw, draw_designs
from rempart.adapters.release_folder import read_release, write_release
from rempart.adapters.text_input import read_text
from rempart.audit import tlog_proof
from rempart.audit.release_proof import verify
from rempart.audit.witness_policy import by_policy, cosigners, parse_policy
from rempart.errors import BadInput, Missing, NotTrusted, Refused
from rempart.journeys.checked import checked_tables, standing
from rempart.journeys.clearing import clear
from rempart.journeys.permits import events
from rempart.journeys.publish import BESIDE, PROOF, TLOG_PROOF, public_facts, publish
from rempart.journeys.release import (
    ReleaseDesk,
    check_party,
    current_state,
    finished_run,
    next_release,
    submission_of,
    submit,
    valid_permit,
)
from rempart.records.canonical import parse_canonical, sha256_id
from rempart.records.derogation import permitted
from rempart.records.document import SignedDocument
from rempart.records.moved import NONE
from rempart.records.permit import Permit
from rempart.records.result import CheckedTable
from rempart.release.documents import submission_body
from rempart.release.labels import reader_labels
from rempart.release.states import ReleaseState, state_table
from rempart.release.subjects import subjects
from rempart.release.summary import summary
from rempart.release.tables import table_ids
from rempart.wiring.comparisons import examined, told
from rempart.wiring.policy import policy_form, policy_now
from rempart.wiring.release_witness import witnessed
from rempart.wiring.signing import Ask, signer
from rempart.wiring.spoken import spoken
from rempart.wiring.warehouse import Warehouse

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A submission as its author sees it: findings first. ``beside``: the permit's other releases, which its tables were held against;
    ``unread``: those of them that cannot be opened any more, so that every output they name is hidden; ``waits``: why it waits for two
    checkers, in words of ``say``, where the house clears types by itself; none: it left without votes, or the house clears none."""

    release: str
    tables: tuple[CheckedTable, ...]
    findings: list[dict[str, object]]
    beside: tuple[str, ...]
    unread: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    cleared: bool = False


def desk(warehouse: Warehouse, *, closed: bool = False) -> ReleaseDesk:
    """What every step of the way out needs; ``closed``: for lists, without a broker."""
    return ReleaseDesk(
        vault=warehouse.closed_vault if closed else warehouse.vault,
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        trust=warehouse.trust,
        rules=package_data.joined("disclosure/rules.toml"),
        states=state_table(package_data.toml("release/states.toml")),
        policy_form=policy_form(),
        file_rules=package_data.toml("disclosure/files.toml"),
    )


def submit_run(
    warehouse: Warehouse,
    *,
    run: str,
    context: str,
    key_file: Path,
    ask: Ask,
    derogations: Sequence[str] = (),
    release: str = "",
    option: str = NONE,
) -> Submitted:
    """Check a run's tables and submit them, signed by the author. ``release``: a returned one that is taken up again, so that votes on
    files that are the same still hold; '' for a new one. ``derogations``: outcomes of the permit whose few cases are to be told:
    the author signs those tables by their ids and is shown those without. ``option``: how counts are altered."""
    author = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    finished = finished_run(events(warehouse.ledger), run)
    beside = tuple(dict.fromkeys(one.release for one in standing(place, permit=finished.permit)))
    asked = sorted(set(derogations))
    seen = examined(warehouse, place, finished, actor=author.salted, derogations=asked, option=option)
    tables, unread = seen.author.tables, seen.author.unread
    found = told(seen.author)
    rules = sorted({str(item["rules"]) for item in found})
    controls = "; ".join([*rules, *_beside(beside, unread), *_said(place, finished.permit, asked, option)])
    release = release or next_release(place)
    body = submission_body(
        release=release,
        permit=finished.permit,
        run=run,
        study=finished.study,
        result=finished.result,
        tables=table_ids(seen.leaving.tables),
        context=context,
        controls=controls,
        derogations=asked,
        after=current_state(place, release).submission,
        types=(types := _types(warehouse, seen.leaving.tables)),
        option=option,
    )
    submit(place, signed=author.document(body), actor=author.salted, register=seen.entry)
    _still(place, finished.permit, release, beside)
    made = Submitted(release=release, tables=tables, findings=found, beside=beside, unread=unread)
    return _left(place, made, actor=author.salted, types=types) if types else made


def _types(warehouse: Warehouse, tables: Sequence[CheckedTable]) -> dict[str, str]:
    """Output → type, for the author to sign where the house lets types leave without votes; else nothing."""
    alone = policy_now(warehouse).names("release.automatic")
    return {table.output: table.output_type for table in tables} if alone else {}


def _left(place: ReleaseDesk, made: Submitted, *, actor: str, types: Mapping[str, str]) -> Submitted:
    """Whether it leaves without votes, and if not, why. What came back once is for eyes."""
    complete = not made.unread and not any(item.get("close") for item in made.findings)
    if len(current_state(place, made.release).submissions) > 1:
        return replace(made, waits=("clear-returned",))
    waits = clear(place, release=made.release, actor=actor, complete=complete, types=types)
    return replace(made, waits=waits, cleared=not waits)


def _beside(releases: Sequence[str], unread: Sequence[str]) -> list[str]:
    """What the author signs, and checkers read, of the permit's other releases."""
    told = [f"beside {', '.join(releases)}"] if releases else []
    return [*told, *([f"hidden whole for {', '.join(unread)}, not opened"] if unread else [])]


def _still(place: ReleaseDesk, permit: str, release: str, beside: Sequence[str]) -> None:
    """Raises Refused ``release-at-once`` where its tables were held against less than stands before it."""
    if tuple(beside) != tuple(dict.fromkeys(one.release for one in standing(place, permit=permit, release=release))):
        raise Refused("release-at-once", release=release)


def _said(place: ReleaseDesk, permit: str, asked: Sequence[str], option: str) -> list[str]:
    """What everybody reads of derogations, and of counts that were altered."""
    lifted = _lifted(valid_permit(place, permit), asked)
    return lifted if option == NONE else [*lifted, f"counts altered ({option}): {place.rules['options'][option]['en']}"]


def _lifted(permit: Permit, asked: Sequence[str]) -> list[str]:
    """What everybody reads of the derogations."""
    held = permitted(asked, permit.derogations, permit=permit.id)
    return [
        f"derogation ({one.kind}) for {one.outcome} ({one.definition}), from {one.least} persons: {one.reason}"
        for one in held
    ]


def page_under_review(
    warehouse: Warehouse, *, release: str, key_file: Path, ask: Ask, language: str
) -> tuple[str, list[str]]:
    """The page that would be published, for the eyes of a checker or a person whom its permit names; and its outputs."""
    reader = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    check_party(place, reader.entry, release=release)
    submission = submission_of(place, release)
    finished = finished_run(events(warehouse.ledger), str(submission.body["run"]))
    checker = "checker" in reader.entry.roles
    tables = checked_tables(place, finished, actor=reader.salted, release=release, voting=checker)
    study = SignedDocument.from_bytes(warehouse.documents.get(finished.study), schema="rempart.study/1")
    permit = valid_permit(place, finished.permit)
    facts = {
        "context": str(submission.body["context"]),
        "controls": str(submission.body["controls"]),
        "permit": " · ".join(public_facts(permit).values()),
    }
    words = spoken()
    page = summary(language, release=release, facts=facts, study=study.body, tables=tables, figures=(), words=words)
    return page, [table.output for table in tables]


def run_list(warehouse: Warehouse) -> list[dict[str, str]]:
    """Finished runs, oldest first, with the last release that each was submitted as."""
    log = events(warehouse.ledger)
    submitted = {e.fact("run"): e.fact("release") or "" for e in log if e.kind == "submission" and e.phase == "intent"}
    done = {e.fact("run") or "": e for e in log if e.kind == "study" and e.phase == "effect"}
    return [
        {"run": run, "permit": e.basis.partition(":")[2], "time": e.time[:16] + "Z", "release": submitted.get(run, "")}
        for run, e in done.items()
    ]


def publish_release(warehouse: Warehouse, *, release: str, key_file: Path, ask: Ask) -> Path:
    """Publish to ``DIR/public/releases/<id>``."""
    publisher = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    check_party(place, publisher.entry, release=release)
    words = spoken()

    def figures(tables: Sequence[CheckedTable], study: Mapping[str, Any]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for language in LANGUAGES:
            names = reader_labels(tables, study=study, words=words, language=language)
            about = subjects(tables, study=study, words=words, language=language)
            found |= draw(tables, language=language, names=names, about=about)
            found |= draw_designs(study, language=language, names=names)
        return found

    files = publish(
        place,
        release=release,
        actor=publisher.salted,
        draw=figures,
        words=words,
        witnessed=witnessed(warehouse),
    )
    return write_release(warehouse.directory / "public", release, files, proofs=(PROOF, TLOG_PROOF))


def releases(warehouse: Warehouse) -> list[ReleaseState]:
    """Every release and its state."""
    place = desk(warehouse)
    names = {
        event.fact("release") or ""
        for event in events(warehouse.ledger)
        if event.kind == "submission" and event.phase == "intent"
    }
    return [current_state(place, name) for name in sorted(names)]


def verify_release(folder: Path, *, origin: str, public: bytes, policy: Path | None = None) -> dict[str, str]:
    """Check a published folder against its proofs, offline: what the ledger says of it, and ``tlog_proof``: the file, '' where none stands
    there and the leaf, of an earlier form, asks for none. ``policy``: a C2SP tlog-policy whose witnesses must have cosigned its checkpoint.

    Raises Missing ``release-proof-missing``; NotTrusted ``release-odd-file``, ``release-proof-…``, ``tlog-proof-…``, ``inclusion-proof``,
    ``checkpoint-…``, ``witness-quorum``.
    """
    files = read_release(folder)
    if PROOF not in files:
        raise Missing("release-proof-missing", folder=folder.name, file=PROOF)
    proof, text = parse_canonical(files.pop(PROOF), what=PROOF), files.pop(TLOG_PROOF, None)
    found = {path: sha256_id(data) for path, data in files.items()}
    event = verify(proof, found, origin=origin, public=public)
    if text is None and (policy is not None or event.fact(BESIDE)):
        raise Missing("release-proof-missing", folder=folder.name, file=TLOG_PROOF)
    if text is not None and tlog_proof.verify(_text(text), origin=origin, public=public) != event:
        raise NotTrusted("tlog-proof-other", file=TLOG_PROOF)
    seen: tuple[str, ...] = ()
    if policy is not None and text is not None:
        note, asked = tlog_proof.parse(_text(text)).checkpoint, parse_policy(read_text(policy))
        by_policy(asked, note, origin=origin, public=public)
        seen = cosigners(asked, note)
    witnesses = {"witnesses": ", ".join(seen)} if seen else {}
    return {
        **witnesses,
        "release": event.fact("release") or "",
        "time": event.time,
        "permit": event.basis.partition(":")[2],
        "tlog_proof": "" if text is None else TLOG_PROOF,
    }


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NotTrusted("tlog-proof-form") from error


def ledger_identity(directory: Path, told: str | None) -> tuple[str, bytes]:
    """(origin, public key) of the ledger: as told, ``ORIGIN KEY`` with the key in base64, else from the warehouse's configuration.

    Raises BadInput ``ledger-key``.
    """
    if told is None:
        settings = read_configuration(directory)
        return settings.ledger_origin, settings.ledger_public
    origin, _, key = told.partition(" ")
    try:
        public = base64.b64decode(key, validate=True)
    except ValueError as error:
        raise BadInput("ledger-key", expected="ORIGIN KEY") from error
    if not origin or len(public) != 32:
        raise BadInput("ledger-key", expected="ORIGIN KEY")
    return origin, public
