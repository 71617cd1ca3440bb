# SPDX-License-Identifier: Apache-2.0
"""What a run keeps sealed in its project beside its tables, opened in memory for who may: trained models, sequences. Lets nothing out.

``opened`` is the one way in for later jobs of the project; a model asked for by anybody else meets ``disclosure/models.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from rempart.disclosure.models import Finding, findings
from rempart.journeys.evidence import open_kept
from rempart.journeys.permits import events
from rempart.journeys.recorded import recorded
from rempart.journeys.release import FinishedRun, ReleaseDesk, finished_run, valid_permit
from rempart.ports.broker import GrantRequest
from rempart.records.design_sequences import SEQUENCES
from rempart.records.trained import MODELS, TrainedModel, models_from_bytes
from rempart.records.trust import TrustEntry
from rempart.study.meds import unpacked

NAMES = (MODELS, SEQUENCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOutputs:
    """``models``: each with the faults of its structure; ``sequences``: analysis/path → bytes of the file."""

    models: tuple[tuple[TrainedModel, tuple[Finding, ...]], ...] = ()
    sequences: Mapping[str, bytes] | None = None


def kept_outputs(desk: ReleaseDesk, *, run: str, person: TrustEntry, actor: str) -> KeptOutputs:
    """Everything that a run keeps, for a person whom its permit names.

    Raises Missing ``run-missing``; Refused ``permit-person``, ``permit-…``; NotTrusted; BadInput ``model-form``, ``sequences-form``.
    """
    finished = finished_run(events(desk.vault.ledger), run)
    valid_permit(desk, finished.permit).check_names(person.actor)
    there = _named(desk, finished)
    found = {name: opened(desk, finished, name, document, actor=actor) for name, document in there.items()}
    models = models_from_bytes(found[MODELS]) if MODELS in found else ()
    return KeptOutputs(
        models=tuple((model, findings(model.structure, desk.rules)) for model in models),
        sequences=unpacked(found[SEQUENCES]) if SEQUENCES in found else None,
    )


def opened(desk: ReleaseDesk, finished: FinishedRun, name: str, document: str, *, actor: str) -> bytes:
    """What a run kept under a name, in memory, under a grant of its own that the ledger tells of."""
    permit = valid_permit(desk, finished.permit)
    objects = [f"run:{finished.run}", f"result:{finished.result}", f"{name}:{document}"]
    with recorded(
        desk.recorder, "check", basis=f"permit:{permit.id}", objects=objects, actor=actor, event_class="trace"
    ) as act:
        use = (permit.space, "result", "main", "read")
        (reference,) = desk.vault.broker.grant(GrantRequest(intent=act.index, tables=(use,)))
        return open_kept(
            desk.documents.get(document),
            broker=desk.vault.broker,
            reference=reference,
            warehouse=desk.vault.warehouse,
            space=permit.space,
            run=finished.run,
            name=name,
        )


def _named(desk: ReleaseDesk, finished: FinishedRun) -> dict[str, str]:
    """Name → document, as the run's own leaf tells."""
    for event in reversed(events(desk.vault.ledger)):
        if event.kind == "study" and event.phase == "effect" and event.fact("result") == finished.result:
            told = {name: event.fact(name) for name in NAMES}
            return {name: document for name, document in told.items() if document}
    return {}
