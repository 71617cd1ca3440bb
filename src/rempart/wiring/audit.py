# SPDX-License-Identifier: Apache-2.0
"""``rempart audit``: the auditor's view of a warehouse folder, and the search of every byte that the host holds."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.surroundings import SystemClock
from rempart.adapters.text_input import check_folder, read_text
from rempart.adapters.trust_files import load_versions
from rempart.audit.canary import search
from rempart.audit.findings import Findings
from rempart.audit.verify import verify_log
from rempart.audit.witness_policy import by_policy, cosigners, parse_policy
from rempart.errors import NotTrusted
from rempart.hosts.guard import check_compute, check_store
from rempart.hosts.rules import host_rules
from rempart.ports.host import Host
from rempart.ports.surroundings import Progress
from rempart.records.omop import whole_layouts
from rempart.records.project import ProjectTable, project_table
from rempart.records.sealed import SpaceCommit
from rempart.vault.commit import check_manifest_of
from rempart.vault.manifest import open_keyring
from rempart.vault.outer import read_outer
from rempart.vault.read import check_object
from rempart.wiring.hosts import active_host, open_host
from rempart.wiring.ledger import exported, plain_ledger
from rempart.wiring.policy import policy_form
from rempart.wiring.warehouse import Warehouse


def audit_rules() -> dict[str, object]:
    """The auditor's rules and their words."""
    return package_data.joined("audit/rules.toml")


def project_states() -> ProjectTable:
    """The states that a project goes through."""
    return project_table(package_data.toml("permits/states.toml"), package_data.toml("permits/conflicts.toml"))


def verify_warehouse(warehouse: Warehouse, *, since: Path | None, deep: bool, progress: Progress) -> Findings:
    """Recompute the ledger and ask every rule; ``deep`` also reads every object that the newest manifests list.

    Needs no key and no broker. Raises NotTrusted when nothing is signed or the ledger is older than ``since``.
    """
    settings = warehouse.configuration
    raw = plain_ledger(warehouse.directory, settings, sign=None).raw()
    since = since or exported(warehouse.directory, settings)
    return verify_log(
        leaves=raw.leaves,
        checkpoint=raw.checkpoint,
        origin=settings.ledger_origin,
        ledger_public=settings.ledger_public,
        since=read_text(since) if since else None,
        trust_versions=load_versions(warehouse.controller / "keys"),
        trust_first=settings.trust_first,
        document=warehouse.documents.get,
        rules=audit_rules(),
        tables={
            "layouts": {**warehouse.layouts, **whole_layouts(package_data.toml("records/omop54.toml"))},
            "projects": project_states(),
            "policy_form": policy_form(),
            "contents": package_data.toml("permits/permit_contents.toml"),
        },
        check_manifest=_host_check(warehouse, _host(warehouse, raw.leaves), deep=deep, progress=progress),
        checks=declaration_checks(),
        hashes=raw.hashes,
        history=raw.history,
        now=SystemClock().now(),
        progress=progress,
    )


def check_quorum(warehouse: Warehouse, policy: Path, *, since: Path | None) -> tuple[int, tuple[str, ...]]:
    """(leaves, witnesses) of the checkpoint that the policy's quorum cosigned: the auditor's own, else the exported, else the newest.

    Raises BadInput ``witness-policy``, ``verifier-key``; NotTrusted ``witness-quorum``, ``witness-policy-log``, ``checkpoint-…``.
    """
    settings, asked = warehouse.configuration, parse_policy(read_text(policy))
    kept = since or exported(warehouse.directory, settings)
    note = read_text(kept) if kept else plain_ledger(warehouse.directory, settings, sign=None).checkpoint()
    seen = by_policy(asked, note, origin=settings.ledger_origin, public=settings.ledger_public)
    return seen.size, cosigners(asked, note)


def declaration_checks() -> dict[str, Callable[[Mapping[str, Any], datetime.date], object]]:
    """What the rules on hosts say of a host's and of a node's declaration on a day."""
    rules = host_rules(package_data.toml("hosts/rules.toml"), package_data.toml("hosts/countries.toml"))
    return {
        "host": lambda body, on: check_store(body, on, rules),
        "node": lambda body, on: check_compute(body, on, rules),
    }


def _host(warehouse: Warehouse, leaves: Sequence[bytes]) -> Host:
    """The active host itself, past any cache; of a log that cannot be read, the first host: the log's own rules name what is wrong."""
    settings = warehouse.configuration
    try:
        name = active_host(leaves, settings)
    except NotTrusted:
        name = settings.host.kind
    return open_host(warehouse.directory, settings, name, cached=False)


def _host_check(warehouse: Warehouse, host: Host, *, deep: bool, progress: Progress) -> Callable[[SpaceCommit], None]:
    """Check a commit against the host without a key: manifest, keyring, and with ``deep`` every part's SHA-256."""

    seen: set[str] = set()  # a rotation names a manifest again: its objects are read once

    def check(commit: SpaceCommit) -> None:
        outer = read_outer(
            host.get(commit.manifest), head=commit.head, vault_public=warehouse.configuration.vault_public
        )
        check_manifest_of(commit, outer)
        open_keyring(host.get(commit.keyring), sha256=commit.keyring_sha256)
        for done, (name, size, sha256) in enumerate(outer.objects if deep and commit.head not in seen else (), 1):
            check_object(host.get(name), size=size, sha256=sha256)
            progress.step("check-objects", done, len(outer.objects))
        seen.add(commit.head)

    return check


def scan_folder(folder: Path, needles: Sequence[bytes], *, progress: Progress) -> tuple[dict[bytes, int], int, int]:
    """(files in which each needle was found, files searched, bytes searched); names of files are searched too."""
    files = [path for path in sorted(check_folder(folder).rglob("*")) if path.is_file()]
    hits, size = dict.fromkeys(needles, 0), 0
    for done, path in enumerate(files, 1):
        data = path.read_bytes()
        size += len(data)
        for needle in search(str(path.relative_to(folder)).encode(), needles) | search(data, needles):
            hits[needle] += 1
        progress.step("scan-files", done, len(files))
    return hits, len(files), size
