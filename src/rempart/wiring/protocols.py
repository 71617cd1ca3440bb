# SPDX-License-Identifier: Apache-2.0
"""``rempart study freeze``: the protocol of a study file into the ledger, before anything is read for it. Reads no row and opens no key."""

from dataclasses import dataclass
from pathlib import Path

from rempart.cohort.required import required_columns
from rempart.journeys.permits import events
from rempart.journeys.protocol import Frozen, freeze, frozen_protocols, frozen_study, permit_of_signer
from rempart.permits.check_study import check_study
from rempart.records.cloned import check_runnable
from rempart.wiring.signing import Ask, signer
from rempart.wiring.study_files import one_study
from rempart.wiring.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenFile:
    """``frozen``: the study of the file; ``beside``: other protocols with its title under its permit that are no earlier version of it."""

    frozen: Frozen
    beside: tuple[Frozen, ...]


def freeze_file(
    warehouse: Warehouse, *, file: Path, key_file: Path, ask: Ask, variant: str | None = None
) -> FrozenFile:
    """Sign the study as its author and freeze it, as a run would before it reads anything.

    Raises what ``study run`` would of a study that its permit does not allow, and Refused ``protocol-amends-…``.
    """
    study = one_study(file, variant)
    check_runnable(study)
    author = signer(warehouse.trust, key_file, ask)
    signed = author.document(study.as_dict())
    given = (warehouse.ledger, warehouse.recorder, warehouse.documents)
    permit = permit_of_signer(*given, warehouse.trust, signed=signed)
    check_study(study, permit, warehouse.study_layouts, required=required_columns(study, warehouse.study_layouts))
    frozen = freeze(*given, signed=signed, permit=permit.id, actor=author.salted)
    return FrozenFile(frozen=frozen, beside=_beside(warehouse, frozen, study.protocol.title))


def _beside(warehouse: Warehouse, frozen: Frozen, title: str) -> tuple[Frozen, ...]:
    """Protocols of the same title that this one does not follow: one of them may have been meant to be amended."""
    known = frozen_protocols(events(warehouse.ledger), permit=frozen.permit)
    amended = {one.study: one.amends for one in known}
    mine, study = {frozen.study}, frozen.study
    while study := amended.get(study, ""):
        mine.add(study)
    return tuple(
        one
        for one in known
        if one.study not in mine and frozen_study(warehouse.documents, one)["protocol"]["title"] == title
    )
