# SPDX-License-Identifier: Apache-2.0
"""``rempart migrate cutover``: the target is proven once more from here, two officers sign, one leaf makes it the active host."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.move_folder import ORDER, REPORT, MoveFolder
from rempart.errors import Missing, NotTrusted, Refused
from rempart.journeys.cutover import check_not_behind, check_officers, check_proven, cut_over, cutover_body, cutover_of
from rempart.journeys.cutover import delete_left as delete_on
from rempart.journeys.migration import prove_log, root_of, take_inventory
from rempart.journeys.permits import events
from rempart.migration.inventory import Inventory
from rempart.migration.order import MoveOrder, MoveReport
from rempart.ports.host import Host
from rempart.records.document import SignedDocument
from rempart.wiring.acts import no_step
from rempart.wiring.migration import evidence, host_of, move_folder
from rempart.wiring.signing import Ask, Signer, signer, today
from rempart.wiring.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOver:
    """What stands after the command. ``index``: leaf of the cut-over; ``asked``, ``left``: objects of which the old host was asked
    the deletion, and those it still lists (0 and 0 when nothing was asked)."""

    order: MoveOrder
    index: int
    asked: int
    left: int


def cut_over_move(
    warehouse: Warehouse,
    *,
    move: str,
    officer_keys: Sequence[Path],
    ask: Ask,
    keep_old: bool,
    named_step: Callable[[str], None] = no_step,
) -> CutOver:
    """Make the target the active host, then leave nothing behind that opens. Run again, it goes on where it was stopped.

    Raises Refused ``cutover-behind``, ``cutover-unproven``, ``cutover-officers``; NotTrusted ``move-inventory``, ``move-target-lost``.
    """
    folder = move_folder(warehouse, move)
    order = MoveOrder.from_dict(folder.read(ORDER))
    with folder.held("command"):
        officers = [signer(warehouse.trust, file, ask) for file in officer_keys]
        actor = officers[0].salted if officers else ""
        done = cutover_of(events(warehouse.ledger), move)
        index = done[0] if done else _cut(warehouse, folder, order, officers, actor, named_step)
        named_step("cut-over")
        asked, left = (
            (0, 0) if keep_old else delete_on(warehouse.recorder, order, host_of(warehouse, order.source), actor=actor)
        )
        named_step("deleted")
    return CutOver(order=order, index=index, asked=asked, left=left)


def _cut(
    warehouse: Warehouse,
    folder: MoveFolder,
    order: MoveOrder,
    officers: Sequence[Signer],
    actor: str,
    named_step: Callable[[str], None],
) -> int:
    report = MoveReport.from_dict(folder.read(REPORT)) if folder.has(REPORT) else None
    if report is None:
        raise Refused("cutover-unproven", move=order.move, failed=0)
    check_not_behind(warehouse.ledger, since=report.size, size=warehouse.ledger.size())
    root = _proven_on_target(warehouse, order)
    check_proven(order, report, root=root)
    named_step("target-proven")
    unsigned = SignedDocument(body=cutover_body(order, report), signatures=())
    signed = SignedDocument(body=unsigned.body, signatures=tuple(officer.sign(unsigned.over) for officer in officers))
    check_officers(signed, warehouse.trust, on=today())
    named_step("signed")
    return cut_over(warehouse.recorder, order, report, signed=signed, documents=warehouse.documents, actor=actor)


def _proven_on_target(warehouse: Warehouse, order: MoveOrder) -> str:
    """Root of what the log says must lie on the target, its manifests read there, every object at least listed."""
    whole = prove_log(evidence(warehouse, order), origin=order.origin, public=order.ledger_public)
    target = host_of(warehouse, order.target)
    wanted = take_inventory(target, whole, warehouse=order.warehouse, vault_public=order.vault_public)
    _check_listed(target, wanted)
    return root_of(wanted)


def _check_listed(host: Host, wanted: Inventory) -> None:
    """Each object is listed with its size, or answers when asked for itself: a listing may be late."""
    listed = dict(host.listing())
    for entry in wanted:
        if listed.get(entry.name) == entry.size:
            continue
        try:
            size = host.open(entry.name).size
        except Missing as error:
            raise NotTrusted("move-target-lost", object=entry.name) from error
        if size != entry.size:
            raise NotTrusted("move-target-lost", object=entry.name)
