# SPDX-License-Identifier: Apache-2.0
"""Where an application stands for a permit's id, the keys of its grant wait for the agreement.

Folds the ledger's signed acts in the broker's own process; believes no state that a leaf names. A document that proves nothing has
no effect, as everywhere; it does not make the way short.
"""

from collections.abc import Iterator, Sequence

from rempart.errors import Refused, RempartError
from rempart.keys.intents import Proofs
from rempart.records.project import ProjectAct, ProjectTable, fold, step
from rempart.records.project_act import KIND, read_act

_PERMIT = "permit"


def require_agreed(proofs: Proofs, index: int, table: ProjectTable) -> None:
    """Of the open grant at ``index``; raises Refused ``grant-not-agreed``, also where the ledger has acts and no application that
    can be read."""
    permit = proofs.events[index].basis.partition(":")[2]
    leaves = list(_leaves(proofs, index))
    if not leaves:
        return
    now = fold(permit, list(_acts(proofs, leaves)), table)
    if now.parties is None:
        raise Refused("grant-not-agreed", permit=permit, state=now.state)
    provision = ProjectAct(act=table.by_kind[_PERMIT], permit=permit, time=proofs.moment(index), facts={})
    try:
        step(now, provision, table)
    except Refused as error:
        raise Refused("grant-not-agreed", permit=permit, state=now.state) from error


def _leaves(proofs: Proofs, before: int) -> Iterator[int]:
    """Intents of acts on the project of the intent at ``before`` that took effect before it."""
    basis = proofs.events[before].basis
    for event in proofs.events[:before]:
        begun = -1 if event.of is None else event.of
        if (event.kind, event.phase, event.basis) == (KIND, "effect", basis) and 0 <= begun < before:
            yield begun


def _acts(proofs: Proofs, leaves: Sequence[int]) -> Iterator[ProjectAct]:
    """Those of them whose documents prove themselves."""
    for index in leaves:
        try:
            data = proofs.documents.get(proofs.events[index].fact("document") or "")
            trust, on = proofs.trust_at(index), proofs.moment(index)
            yield read_act(data, trust=trust, on=on, fetch=proofs.documents.get)[1]
        except RempartError:
            continue
