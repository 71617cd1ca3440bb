# SPDX-License-Identifier: Apache-2.0
"""``rempart hosts leakage|order-report``: everything on the active host, looked at and accounted for. Needs no key of ours."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rempart.adapters.configuration import NAME as CONFIGURATION
from rempart.adapters.configuration import read_configuration
from rempart.adapters.host_listing import everything
from rempart.adapters.ledger_files import replace
from rempart.adapters.text_input import read_text
from rempart.adapters.trust_files import load_versions
from rempart.audit.checkpoint import parse_and_verify
from rempart.errors import BadInput, NotTrusted, Refused
from rempart.hosts.leakage import leakage
from rempart.hosts.order_report import OFFICERS, report_body, report_pack, summary, verify_report
from rempart.journeys.host_report import ledgered, padded, read_all, see
from rempart.journeys.recorded import recorded
from rempart.ports.host import Host
from rempart.ports.surroundings import Progress
from rempart.records.canonical import canonical_bytes
from rempart.records.document import SignedDocument
from rempart.vault.padding import padme
from rempart.wiring.hosts import active_host, open_host
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse

Report = dict[str, Any]


def measure_leakage(warehouse: Warehouse, name: str = "", *, progress: Progress) -> Report:
    """What a host can infer, the active one unless named, counted from what it holds. Raises Missing ``host-unknown``."""
    host = _host(warehouse, name)
    lying = everything(host)
    seen = see(host, lying, progress)
    arrivals = {name: arrived for name, _, arrived in lying if arrived is not None}
    return leakage(seen, arrivals or None, padded=padded)


def take_report(warehouse: Warehouse, name: str = "", *, progress: Progress) -> Report:
    """The body of the order report on a host, the active one unless named, unsigned. Raises Missing ``host-unknown``."""
    settings, host = warehouse.configuration, _host(warehouse, name)
    leaves = warehouse.ledger.leaves()
    signed = parse_and_verify(warehouse.ledger.checkpoint(), settings.ledger_origin, settings.ledger_public)
    root = base64.b64encode(signed.root).decode()
    return report_body(
        list(read_all(host, everything(host), progress)),
        ledgered(leaves, origin=signed.origin, size=signed.size, root=root),
        warehouse=settings.warehouse,
        host=host.label,
        made=warehouse.recorder.clock.now(),
        vault_public=settings.vault_public,
        trust_first=settings.trust_first,
        padme=padme,
    )


def sign_report(warehouse: Warehouse, body: Report, *, file: Path, key_files: Sequence[Path], ask: Ask) -> str:
    """Two officers sign the report; it is kept, named by a leaf, and written to ``file``; its id.

    Raises Refused ``officers-two``, ``role-missing``, ``file-exists``; BadInput ``file-unwritable``.
    """
    if file.exists():
        raise Refused("file-exists", file=file.name)
    trust = warehouse.trust
    officers = [signer(trust, key_file, ask) for key_file in key_files]
    over = SignedDocument(body=body, signatures=()).over
    signed = SignedDocument(body=body, signatures=tuple(officer.sign(over) for officer in officers))
    now = trust.moment(warehouse.recorder.clock.now())
    signers = {trust.check(one, over=over, role="officer", on=now).actor for one in signed.signatures}
    if len(signers) < OFFICERS:
        raise Refused("officers-two", signed=len(signers))
    document = warehouse.documents.put(signed.data)
    objects = [f"name:{body['host']}", f"report:{document}"]
    with recorded(
        warehouse.recorder,
        "order-report",
        basis="operation:order-report",
        objects=objects,
        actor=officers[0].salted,
    ):
        _write(file, canonical_bytes(report_pack(signed, load_versions(warehouse.controller / "keys"))))
    return document


def check_report(directory: Path, file: Path) -> Report:
    """Summary and pins of a report, once it proves itself; in a warehouse's folder its pins are compared, elsewhere they are told.

    Raises NotTrusted ``order-report-…``; Missing or BadInput for the file.
    """
    settings = read_configuration(directory) if (directory / CONFIGURATION).is_file() else None
    try:
        pack = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise NotTrusted("order-report-form") from error
    if not isinstance(pack, dict):
        raise NotTrusted("order-report-form")
    body = verify_report(
        pack,
        trust_first=settings.trust_first if settings else None,
        vault_public=settings.vault_public if settings else None,
    )
    pins = {"trust": body["trust"], "vault_public": body["vault_public"], "compared": settings is not None}
    return {**pins, "host": body["host"], "made": body["made"], "ledger": body["ledger"], **summary(body)}


def _host(warehouse: Warehouse, name: str) -> Host:
    """The host itself, without the controller's cache: what it holds, not what was kept of it."""
    name = name or active_host(warehouse.ledger.leaves(), warehouse.configuration)
    return open_host(warehouse.directory, warehouse.configuration, name, cached=False)


def report_summary(body: Report) -> Report:
    """Counts of a report's body."""
    return summary(body)


def _write(file: Path, data: bytes) -> None:
    try:
        replace(file, data)
    except OSError as error:
        raise BadInput("file-unwritable", file=file.name) from error
