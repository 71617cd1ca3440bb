# SPDX-License-Identifier: Apache-2.0
"""``rempart study kept``: what a run keeps sealed beside its tables, told without any value of it."""

from dataclasses import dataclass
from pathlib import Path

from rempart.journeys.kept_outputs import kept_outputs
from rempart.wiring.releases import desk
from rempart.wiring.signing import Ask, signer
from rempart.wiring.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptModel:
    """``faults``: of its structure; none: two persons may be asked for it."""

    analysis: str
    kind: str
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTold:
    """``sequences``: path of each file → bytes."""

    models: tuple[KeptModel, ...]
    sequences: dict[str, int]


def kept_of(warehouse: Warehouse, *, run: str, key_file: Path, ask: Ask) -> KeptTold:
    """Open what a run keeps, in memory, and tell of it; raises as ``kept_outputs``."""
    person = signer(warehouse.trust, key_file, ask)
    found = kept_outputs(desk(warehouse), run=run, person=person.entry, actor=person.salted)
    return KeptTold(
        models=tuple(
            KeptModel(analysis=model.analysis, kind=model.kind, faults=tuple(item.what for item in faults))
            for model, faults in found.models
        ),
        sequences={path: len(data) for path, data in (found.sequences or {}).items()},
    )
