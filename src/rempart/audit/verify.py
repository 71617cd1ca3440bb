# SPDX-License-Identifier: Apache-2.0
"""The auditor: recompute the whole log, then ask every rule of ``rules.toml``. Needs public keys and documents, never a secret.

Reads nothing by itself and repairs nothing.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from rempart.audit import (
    rules_across,
    rules_acts,
    rules_hosts,
    rules_jobs,
    rules_keeping,
    rules_keys,
    rules_log,
    rules_moves,
    rules_pack,
    rules_permits,
    rules_policy,
    rules_projects,
    rules_protocols,
    rules_releases,
    rules_standing,
    rules_wayout,
    rules_witness,
)
from rempart.audit.book import Book, open_book
from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.findings import Bad, Finding, Findings, finding, in_order
from rempart.audit.leaf_columns import PART, read_columns
from rempart.audit.rules_log import Log
from rempart.audit.tree import Tree
from rempart.errors import NotTrusted
from rempart.ports.surroundings import Progress
from rempart.records.sealed import SpaceCommit
from rempart.records.trust import TrustFile

LOG_RULES: Mapping[str, Callable[[Log], Iterator[Bad]]] = {
    "log-size": rules_log.size,
    "log-root": rules_log.root,
    "log-since": rules_log.since,
    "log-form": rules_log.form,
    "log-tiles": rules_log.tiles,
    "log-surplus": rules_log.surplus,
}
ACT_RULES: Mapping[str, Callable[[Book], Iterator[Bad]]] = {
    "time-order": rules_acts.time_order,
    "intent-open": rules_acts.intent_open,
    "end-of-intent": rules_acts.end_of_intent,
    "trust-chain": rules_acts.trust_chain,
    "person-trust": rules_acts.person_trust,
    "native-document": rules_acts.native_document,
    "commit-chain": rules_acts.commit_chain,
    "commit-space": rules_acts.commit_space,
    "commit-manifest": rules_acts.commit_manifest,
    "rotation-document": rules_keys.rotation_document,
    "key-epoch": rules_keys.key_epoch,
    "keyring-complete": rules_keys.keyring_complete,
    "keyring-held": rules_keys.keyring_held,
    "erasure-officers": rules_keys.erasure_officers,
    "erasure-backups": rules_keys.erasure_backups,
    "erased-read": rules_keys.erased_read,
    "descriptor-officers": rules_hosts.descriptor_officers,
    "commit-host": rules_hosts.commit_host,
    "key-node": rules_hosts.key_node,
    "cutover-officers": rules_moves.cutover_officers,
    "commit-active": rules_moves.commit_active,
    "permit-document": rules_permits.permit_document,
    "permit-before": rules_permits.permit_before,
    "permit-valid": rules_permits.permit_valid,
    "project-document": rules_projects.project_document,
    "project-step": rules_projects.project_step,
    "freeze-signed": rules_projects.freeze_signed,
    "acts-in-state": rules_projects.acts_in_state,
    "permit-contents": rules_projects.permit_contents,
    "protocol-document": rules_protocols.protocol_document,
    "protocol-fork": rules_protocols.protocol_fork,
    "protocol-dates": rules_protocols.protocol_dates,
    "protocol-before": rules_protocols.protocol_before,
    "study-document": rules_permits.study_document,
    "study-head": rules_permits.study_head,
    "key-scope": rules_permits.key_scope,
    "submission-document": rules_releases.submission_document,
    "vote-document": rules_releases.vote_document,
    "vote-author": rules_releases.vote_author,
    "release-approvals": rules_releases.release_approvals,
    **rules_wayout.RULES,
    **rules_keeping.RULES,
    **rules_pack.RULES,
    **rules_policy.RULES,
    **rules_standing.RULES,
    **rules_witness.RULES,
    **rules_jobs.RULES,
    **rules_across.RULES,
}


def verify_log(
    *,
    leaves: Sequence[bytes],
    checkpoint: str,
    origin: str,
    ledger_public: bytes,
    since: str | None,
    trust_versions: Sequence[TrustFile],
    trust_first: str,
    document: Callable[[str], bytes],
    rules: Mapping[str, Any],
    tables: Mapping[str, Any],
    check_manifest: Callable[[SpaceCommit], None] | None = None,
    checks: Mapping[str, Callable[[Mapping[str, Any], datetime.date], object]] | None = None,
    hashes: Sequence[bytes] = (),
    history: Sequence[str] = (),
    now: datetime.datetime | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Everything that is wrong with a log, by index.

    ``since``: a checkpoint that the auditor kept; ``rules``: parsed ``audit/rules.toml``; ``tables``: ``layouts``, ``projects``,
    ``policy_form`` and ``contents``, as ``Book`` has them; ``hashes`` and ``history``: what the ledger folder holds beside the
    leaves, believed only as far as signed roots prove it; ``check_manifest`` raises NotTrusted or Missing for a commit whose
    manifest the host does not hold as committed; ``checks``: as ``Book`` has them; ``now``: for open intents (default: last leaf);
    ``progress``: told how many leaves were hashed and read, and how many rules asked.
    Raises NotTrusted ``checkpoint-…`` when nothing is signed, ``ledger-rolled-back`` when ``since`` is newer than the log.
    """
    signed = parse_and_verify(checkpoint, origin, ledger_public)
    step = progress.step if progress is not None else _nobody
    log = _log(leaves, signed, ledger_public, hashes, history, _since(since, signed, ledger_public), step=step)
    items = [item for name, rule in LOG_RULES.items() for item in _ask(name, rule(log), rules)]
    counts = Counter({"leaves": min(len(leaves), signed.size), "checkpoint": 1})
    if not any(rules["rules"][item.rule].get("log") for item in items):
        book = open_book(
            log.read,
            trusts=trust_versions,
            trust_first=trust_first,
            **tables,
            fetch=document,
            check_manifest=check_manifest,
            checks=checks or {},
            now=now,
            settings=rules["settings"],
            counts=counts,
            root_at=log.tree.root,
        )
        items += _ask_all(book, rules, step)
    return Findings(items=in_order(items), counts=dict(counts), origin=origin, size=signed.size, root=signed.root)


def _ask_all(book: Book, rules: Mapping[str, Any], step: Callable[[str, int, int], None]) -> Iterator[Finding]:
    for asked, (name, rule) in enumerate(ACT_RULES.items(), 1):
        yield from _ask(name, rule(book), rules)
        step("audit-rules", asked, len(ACT_RULES))


def _log(
    leaves: Sequence[bytes],
    signed: Checkpoint,
    public: bytes,
    hashes: Sequence[bytes],
    history: Sequence[str],
    since: Checkpoint | None,
    *,
    step: Callable[[str, int, int], None],
) -> Log:
    return Log(
        leaves=leaves,
        checkpoint=signed,
        public=public,
        hashes=hashes,
        history=history,
        since=since,
        tree=Tree(chain.from_iterable(_parts(leaves, step))),
        read=read_columns(
            leaves[: signed.size], lambda done: step("audit-leaves", done, min(len(leaves), signed.size))
        ),
    )


def _parts(leaves: Sequence[bytes], step: Callable[[str, int, int], None]) -> Iterator[Sequence[bytes]]:
    """The leaves, many at once; each time it is told how many were hashed."""
    for start in range(0, len(leaves), PART):
        yield leaves[start : start + PART]
        step("audit-hashes", min(start + PART, len(leaves)), len(leaves))


def _nobody(_name: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def _ask(name: str, found: Iterator[Bad], rules: Mapping[str, Any]) -> list[Finding]:
    """A rule that the table does not list is not asked."""
    return [finding(name, rules, bad) for bad in found] if name in rules["rules"] else []


def _since(text: str | None, signed: Checkpoint, public: bytes) -> Checkpoint | None:
    """The auditor's own checkpoint; a log that is shorter was put back to an older state."""
    if text is None:
        return None
    kept = parse_and_verify(text, signed.origin, public)
    if kept.size > signed.size:
        raise NotTrusted("ledger-rolled-back", size=signed.size, seen=kept.size)
    return kept
