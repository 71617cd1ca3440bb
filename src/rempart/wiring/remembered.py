# SPDX-License-Identifier: Apache-2.0
"""What others remember of the ledger: the second machine, the policy's witnesses over HTTP, a checkpoint kept elsewhere.

Asked when the key broker starts: a ledger that lost leaves is then read, and signed by nobody. Who does not answer is left out: a broken
line must not stop a house, and ``ledger.fresh_minutes`` is there for one that wants it to.
"""

from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from rempart.adapters.configuration import Configuration
from rempart.adapters.directory_ledger import DirectoryLedger
from rempart.adapters.documents import DirectoryDocuments
from rempart.adapters.ledger_files import read_text
from rempart.adapters.package_data import toml
from rempart.adapters.second_ledger import Second, SecondLedger
from rempart.adapters.small_client import request
from rempart.adapters.trust_files import load_trust
from rempart.adapters.witness_http import memory_name
from rempart.audit.checkpoint import parse_and_verify
from rempart.audit.kept import check_kept
from rempart.audit.witness_policy import parse_policy
from rempart.errors import NotTrusted, RempartError, Unavailable
from rempart.journeys.permits import events
from rempart.journeys.policy import policy_at
from rempart.records.policy import form_of
from rempart.wiring.ledger import check_exported, exported

_SECONDS = 3.0


def check_remembered(directory: Path, settings: Configuration, ledger: DirectoryLedger) -> None:
    """Raises NotTrusted ``ledger-rolled-back``, ``ledger-behind-second``, ``ledger-behind-witness``, ``second-refused``,
    ``consistency-proof`` where the checkpoint kept elsewhere, or somebody who answers, remembers more leaves than there are, or others."""
    check_exported(directory, settings, ledger)
    if isinstance(ledger, SecondLedger):
        with suppress(Unavailable):  # absent: the first append will say so
            ledger.agree()
    for note in witness_notes(directory, settings, ledger):
        seen = parse_and_verify(note, settings.ledger_origin, settings.ledger_public)
        if seen.size > ledger.size():
            raise NotTrusted("ledger-behind-witness", size=ledger.size(), seen=seen.size)
        check_kept(note, ledger, origin=settings.ledger_origin, public=settings.ledger_public)


def remembered(directory: Path, settings: Configuration, ledger: DirectoryLedger) -> list[str]:
    """Every checkpoint of others that is at hand, each signed by the log's key."""
    found = list(witness_notes(directory, settings, ledger))
    kept = exported(directory, settings)
    found += [read_text(kept) or ""] if kept is not None and kept.is_file() else []
    if settings.ledger_second:
        second = Second(settings.ledger_second, origin=settings.ledger_origin, public=settings.ledger_public)
        with suppress(Unavailable):
            found.append(second.checkpoint()[0])
    return [note for note in found if note]


def witness_notes(directory: Path, settings: Configuration, ledger: DirectoryLedger) -> Iterator[str]:
    """What the policy's witnesses that answer have seen last; a note that the log's key did not sign is passed over."""
    for url in _addresses(directory, settings, ledger):
        try:
            told = request(url, f"/seen/{memory_name(settings.ledger_origin)}", seconds=_SECONDS)
            note = told.body.decode(errors="replace")
            if told.status == HTTPStatus.OK:
                parse_and_verify(note, settings.ledger_origin, settings.ledger_public)
                yield note
        except RempartError:
            continue


def _addresses(directory: Path, settings: Configuration, ledger: DirectoryLedger) -> list[str]:
    controller = directory / "controller"
    trust = load_trust(controller / "keys", settings.trust_first)
    documents = DirectoryDocuments(controller / "documents")
    text = policy_at(events(ledger), documents, trust, form_of(toml("records/policy.toml"))).text("ledger.witnesses")
    return list(dict.fromkeys(parse_policy(text).urls.values())) if text else []
