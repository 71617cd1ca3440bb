# SPDX-License-Identifier: Apache-2.0
"""``rempart migrate cutover``: the target is proven once more from here, two officers sign, one leaf makes it the active host.

Then, from this process: keys are rotated on the new host, old epochs destroyed, and the old host asked to delete. Run again
after an interruption or a refusal, it goes on where it stopped.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rempart.adapters.move_folder import CUT, ORDER, REPORT, MoveFolder
from rempart.errors import Missing, NotTrusted, Refused
from rempart.journeys import chain, cutover
from rempart.journeys.living import close_dead
from rempart.journeys.migration import prove_log, root_of, take_inventory
from rempart.journeys.permits import events
from rempart.migration.inventory import Inventory
from rempart.migration.order import MoveOrder, MoveReport
from rempart.ports.host import Host
from rempart.ports.surroundings import Progress
from rempart.records.document import SignedDocument
from rempart.wiring.acts import no_step
from rempart.wiring.cosigning import witnessing
from rempart.wiring.erasure import backups_left, destroy_keys
from rempart.wiring.migration import check_apart, check_target, evidence, host_of, move_folder, place_of
from rempart.wiring.rotation import rotate_keys
from rempart.wiring.signing import Ask, Signer, signer
from rempart.wiring.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the officers decided beside the cut-over itself. ``backups``: files of backups that are presented to be erased;
    ``declared``: ids of those declared destroyed; ``keep_old``: do not ask for the deletion yet."""

    officers: Sequence[Path]
    ask: Ask
    backups: Sequence[Path] = ()
    declared: Sequence[str] = ()
    keep_old: bool = False
    progress: Progress
    named_step: Callable[[str], None] = field(default=no_step)


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOver:
    """What stands after the command. ``index``: leaf of the cut-over; ``certificates``: erasure certificates' folders; ``asked``,
    ``left``: objects of which the old host was asked the deletion, and those it still lists (0 and 0 when nothing was asked)."""

    order: MoveOrder
    index: int
    certificates: tuple[Path, ...]
    asked: int
    left: int


def cut_over_move(directory: Path, *, move: str, orders: Orders) -> CutOver:
    """Make the target the active host, then leave nothing behind that opens.

    Raises Refused ``cutover-behind``, ``cutover-unproven``, ``cutover-officers``, ``store-…``, ``backup-outstanding``, ``move-not-active``,
    ``move-same-host``; NotTrusted ``move-inventory``, ``move-target-lost``.
    """
    warehouse = Warehouse(directory)
    folder = move_folder(warehouse, move)
    order = MoveOrder.from_dict(folder.read(ORDER))
    with folder.held("command"):
        officers = [signer(warehouse.trust, file, orders.ask) for file in orders.officers]
        actor = officers[0].salted if officers else ""
        done = cutover.cutover_of(events(warehouse.ledger), move)
        if done:
            _check_left(warehouse, order)
        else:
            _check_backups(warehouse, orders)
        index = done[0] if done else _cut(warehouse, folder, order, officers, orders.named_step)
        orders.named_step("cut-over")
        certificates = _new_keys(directory, order, index, orders)
        orders.named_step("old-keys-destroyed")
        asked = left = 0
        if not orders.keep_old:
            old = host_of(warehouse, order.source)
            check_apart(old, host_of(warehouse, place_of(warehouse, warehouse.active_host)))
            asked, left = cutover.delete_left(warehouse.recorder, order, old, actor=actor)
            orders.named_step("deleted")
    return CutOver(order=order, index=index, certificates=certificates, asked=asked, left=left)


def _check_left(warehouse: Warehouse, order: MoveOrder) -> None:
    """The warehouse has not come back since to the host that this move left; raises Refused ``move-not-active``."""
    if warehouse.active_host == order.source.name:
        raise Refused("move-not-active", host=order.target.name, active=order.source.name)


def _check_backups(warehouse: Warehouse, orders: Orders) -> None:
    """No backup would keep the old keys alive: asked before the leaf, which nobody takes back. Raises Refused ``backup-outstanding``."""
    _, left = backups_left(warehouse, orders.backups, orders.declared)
    if left:
        raise Refused("backup-outstanding", backups=", ".join(left))


def _cut(
    warehouse: Warehouse,
    folder: MoveFolder,
    order: MoveOrder,
    officers: Sequence[Signer],
    named_step: Callable[[str], None],
) -> int:
    if not folder.has(REPORT):
        raise Refused("cutover-unproven", move=order.move, failed=0)
    report = MoveReport.from_dict(folder.read(REPORT))
    check_target(warehouse, order.target.name)
    cutover.check_not_behind(warehouse.ledger, since=report.size, size=warehouse.ledger.size())
    cutover.check_proven(order, report, found=_on_target(warehouse, order))
    named_step("target-proven")
    unsigned = SignedDocument(body=cutover.cutover_body(order, report), signatures=())
    signatures = tuple(officer.sign(unsigned.over) for officer in officers)
    signed = SignedDocument(body=unsigned.body, signatures=signatures)
    cutover.check_officers(signed, warehouse.trust, now=warehouse.recorder.clock.now())
    folder.write(CUT, report.as_dict())
    named_step("signed")
    act = cutover.CutOverAct(
        recorder=warehouse.recorder,
        documents=warehouse.documents,
        actor=officers[0].salted,
        named_step=named_step,
        witnessing=witnessing(warehouse),
    )
    return cutover.cut_over(act, order, report, signed=signed)


def _on_target(warehouse: Warehouse, order: MoveOrder) -> cutover.Found:
    """What the log says must lie on the target, its manifests read there, every object at least listed."""
    whole = prove_log(evidence(warehouse, order), origin=order.origin, public=order.ledger_public)
    target = host_of(warehouse, order.target)
    wanted = take_inventory(target, whole, warehouse=order.warehouse, vault_public=order.vault_public)
    _check_listed(target, wanted)
    return cutover.Found(root=root_of(wanted), objects=len(wanted), bytes=wanted.bytes, size=whole.checkpoint.size)


def _check_listed(host: Host, wanted: Inventory) -> None:
    """Each object is listed with its size, or answers when asked for itself: a listing may be late."""
    listed = {name: size for name, size in host.listing() if name in wanted}
    for entry in wanted:
        if listed.get(entry.name) == entry.size:
            continue
        try:
            size = host.open(entry.name).size
        except Missing as error:
            raise NotTrusted("move-target-lost", object=entry.name) from error
        if size != entry.size:
            raise NotTrusted("move-target-lost", object=entry.name)


def _new_keys(directory: Path, order: MoveOrder, index: int, orders: Orders) -> tuple[Path, ...]:
    """A new epoch for every space that had none since the cut-over, then the end of every older one; folders of certificates.

    The warehouse is opened anew: the host is another one now.
    """
    warehouse = Warehouse(directory)
    todo = _not_rotated(warehouse, index)
    if todo:
        rotate_keys(
            warehouse,
            spaces=todo,
            by=orders.officers[0],
            ask=orders.ask,
            progress=orders.progress,
            named_step=orders.named_step,
        )
    orders.named_step("rotated")
    close_dead(warehouse.scratch, warehouse.recorder)
    return tuple(
        destroy_keys(
            warehouse,
            space=space,
            epochs=[],
            by=orders.officers,
            ask=orders.ask,
            backups=orders.backups,
            declared=orders.declared,
            named_step=orders.named_step,
        ).folder
        for space in _spaces_then(warehouse, index)
    )


def _not_rotated(warehouse: Warehouse, index: int) -> list[str]:
    """Spaces whose newest epoch is still the one of the cut-over."""
    leaves = warehouse.ledger.leaves()
    before = leaves[:index]
    return [
        space
        for space in _spaces_then(warehouse, index)
        if chain.snapshots_in(leaves, space)[-1].current.epoch == chain.snapshots_in(before, space)[-1].current.epoch
    ]


def _spaces_then(warehouse: Warehouse, index: int) -> list[str]:
    """Spaces that were there at the cut-over and have not been erased since."""
    there = chain.written(warehouse.ledger.leaves()[:index])
    return [space for space in chain.spaces(warehouse.ledger) if space in there]
