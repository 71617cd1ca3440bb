# SPDX-License-Identifier: Apache-2.0
"""The way out on the command line: submit, review, publish, list."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rempart.adapters import package_data
from rempart.adapters.figures import draw
from rempart.adapters.release_folder import write_release
from rempart.disclosure.findings import findings
from rempart.journeys.permits import events
from rempart.journeys.publish import publish
from rempart.journeys.release import (
    ReleaseDesk,
    checked_tables,
    current_state,
    finished_run,
    next_release,
    review,
    submission_of,
    submit,
)
from rempart.records.canonical import sha256_id
from rempart.records.result import CheckedTable
from rempart.release.documents import submission_body, vote_body
from rempart.release.states import ReleaseState, state_table
from rempart.release.tables import table_ids
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A submission as its author sees it: findings first."""

    release: str
    tables: tuple[CheckedTable, ...]
    findings: list[dict[str, object]]


def desk(warehouse: Warehouse) -> ReleaseDesk:
    """What every step of the way out needs."""
    return ReleaseDesk(
        vault=warehouse.vault,
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        trust=warehouse.trust,
        rules=package_data.toml("disclosure/rules.toml"),
        states=state_table(package_data.toml("release/states.toml")),
    )


def submit_run(warehouse: Warehouse, *, run: str, context: str, key_file: Path, ask: Ask) -> Submitted:
    """Check a run's tables and submit them, signed by the author."""
    author = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    finished = finished_run(events(warehouse.ledger), run)
    tables = checked_tables(place, finished, actor=author.salted)
    found = findings(tables)
    controls = "; ".join(sorted({str(item["rules"]) for item in found}))
    body = submission_body(
        release=next_release(place),
        permit=finished.permit,
        run=run,
        study=finished.study,
        result=finished.result,
        tables=table_ids(tables),
        context=context,
        controls=controls,
    )
    submit(place, signed=author.document(body), actor=author.salted)
    return Submitted(release=str(body["release"]), tables=tables, findings=[dict(item) for item in found])


def vote(
    warehouse: Warehouse, *, release: str, verdict: Literal["approve", "reject"], comment: str, key_file: Path, ask: Ask
) -> tuple[str, ReleaseState]:
    """One checker's signed vote; the checker's name comes from the key."""
    checker = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    over = sha256_id(submission_of(place, release).data)
    body = vote_body(release=release, submission=over, verdict=verdict, comment=comment)
    return checker.entry.actor, review(place, signed=checker.document(body), actor=checker.salted)


def tables_under_review(warehouse: Warehouse, *, release: str, key_file: Path, ask: Ask) -> tuple[CheckedTable, ...]:
    """The checked tables of a submission, for a checker's eyes."""
    checker = signer(warehouse.trust, key_file, ask)
    place = desk(warehouse)
    run = str(submission_of(place, release).body["run"])
    return checked_tables(place, finished_run(events(warehouse.ledger), run), actor=checker.salted)


def publish_release(warehouse: Warehouse, *, release: str, key_file: Path, ask: Ask) -> Path:
    """Publish to ``DIR/public/releases/<id>``."""
    publisher = signer(warehouse.trust, key_file, ask)

    def figures(tables: Sequence[CheckedTable]) -> dict[str, bytes]:
        return {name: data for language in LANGUAGES for name, data in draw(tables, language=language).items()}

    files = publish(
        desk(warehouse),
        release=release,
        actor=publisher.salted,
        draw=figures,
        words=package_data.toml("release/words.toml"),
    )
    return write_release(warehouse.directory / "public", release, files)


def releases(warehouse: Warehouse) -> list[ReleaseState]:
    """Every release and its state."""
    place = desk(warehouse)
    names = {
        event.fact("release") or ""
        for event in events(warehouse.ledger)
        if event.kind == "submission" and event.phase == "intent"
    }
    return [current_state(place, name) for name in sorted(names)]
