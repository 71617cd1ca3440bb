# SPDX-License-Identifier: Apache-2.0
"""A study file with all its variants at once: run one after the other, or planned together. One engine, one progress, one cache."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rempart.adapters.machine import cores
from rempart.errors import Cancelled, NotTrusted, RempartError
from rempart.journeys.study import StudyRun, run_study
from rempart.journeys.study_plan import Planned, StudyPlan, plan_study
from rempart.journeys.study_work import Runner
from rempart.ports.surroundings import Progress
from rempart.records.study import Study
from rempart.wiring.acts import forget_ended, study_runner
from rempart.wiring.signing import Ask, Signer, signer
from rempart.wiring.spark import POOL, engine_called
from rempart.wiring.studies import planner_of
from rempart.wiring.study_files import one_study, read_study
from rempart.wiring.warehouse import Warehouse

ITSELF = ""
"""The name under which the study itself stands beside its variants."""
_SHARDS, _ALL = "study-shards", "study-variants"


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRun:
    """What became of one study of a file: ``name`` of the variant ('' for the study itself), its run, or the error that ended it."""

    name: str
    study: str
    done: StudyRun | None
    error: RempartError | None = None


def studies_of(file: Path, *, variant: str | None = None, every: bool = False) -> dict[str, Study]:
    """The study of a file or its variant, under the variant's name; with ``every`` the study itself and all its variants.

    Raises as ``one_study``.
    """
    if not every:
        return {variant or ITSELF: one_study(file, variant)}
    held = read_study(file)
    return {ITSELF: held.study, **held.variants}


def run_every_variant(
    warehouse: Warehouse,
    *,
    studies: Mapping[str, Study],
    key_file: Path,
    ask: Ask,
    progress: Progress,
    engine: str = POOL,
    workers: int | None = None,
    memory: int | None = None,
    fresh: bool = False,
) -> tuple[VariantRun, ...]:
    """Each study signed by the same author and run in turn: what several have in common is computed by the first of them.

    A study that fails is told with its error, and the others go on. Raises what ends them all: Cancelled, NotTrusted, and whatever stands
    against the author or the engine.
    """
    author = signer(warehouse.trust, key_file, ask)
    forget_ended(warehouse)
    told = _OneProgress(progress, len(studies))
    with engine_called(warehouse, engine, workers=workers, memory=memory) as chosen:
        runner = study_runner(warehouse, chosen, progress=told, fresh=fresh)
        return tuple(_run(runner, author, name, study, told) for name, study in studies.items())


def _run(runner: Runner, author: Signer, name: str, study: Study, told: "_OneProgress") -> VariantRun:
    study_id = study.content_id
    try:
        done = run_study(runner, signed=author.document(study.as_dict()), actor_salted=author.salted)
    except (Cancelled, NotTrusted):
        raise
    except RempartError as error:
        told.next()
        return VariantRun(name=name, study=study_id, done=None, error=error)
    told.next()
    return VariantRun(name=name, study=study_id, done=done)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVariants:
    """Plans by name, each after those before it. ``parts``: of all studies; ``new``: those that must be computed, each once; ``kept``: the
    others, shared with an earlier study of the file or kept from earlier runs; ``seconds``: of all together, None where unknown."""

    studies: Mapping[str, str]
    plans: Mapping[str, StudyPlan]
    parts: int
    new: int
    kept: int
    seconds: float | None
    workers: int

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        told = [
            {
                "variant": name,
                "study": self.studies[name],
                "fits": None if plan.compared is None else plan.compared.fits,
                "parts": plan.parts,
                "kept": plan.kept,
                "rows": plan.size.all_rows if plan.size else None,
                "seconds": plan.seconds,
            }
            for name, plan in self.plans.items()
        ]
        together = {"parts": self.parts, "new": self.new, "kept": self.kept, "seconds": self.seconds}
        return {"studies": told, "together": together, "workers": self.workers}


def plan_every_variant(
    warehouse: Warehouse, file: Path, *, workers: int | None = None, memory: int | None = None
) -> PlannedVariants:
    """What the study and all its variants would cost when they run one after the other; raises as ``study check`` does."""
    studies, many, before = studies_of(file, every=True), workers or cores(), Planned()
    forget_ended(warehouse)
    planner = planner_of(warehouse, workers=many, memory=memory)
    plans = {name: plan_study(planner, study, before) for name, study in studies.items()}
    times = [plan.seconds for plan in plans.values()]
    parts = sum(plan.parts for plan in plans.values())
    kept = sum(plan.kept for plan in plans.values())
    return PlannedVariants(
        studies={name: study.content_id for name, study in studies.items()},
        plans=plans,
        parts=parts,
        new=parts - kept,
        kept=kept,
        seconds=None if None in times else sum(time or 0.0 for time in times),
        workers=many,
    )


class _OneProgress:
    """The shards of all studies as one step: implements ports.surroundings.Progress."""

    def __init__(self, progress: Progress, studies: int) -> None:
        self._progress, self._studies, self._done, self._shards = progress, studies, 0, 1

    def step(self, name: str, done: int, total: int) -> None:
        """See the port."""
        if name != _SHARDS:
            self._progress.step(name, done, total)
            return
        self._shards = total
        self._progress.step(_ALL, self._done * total + done, self._studies * total)

    def next(self) -> None:
        """One study more has ended, computed or not."""
        self._done += 1
        self._progress.step(_ALL, self._done * self._shards, self._studies * self._shards)


def failed(runs: Sequence[VariantRun]) -> list[tuple[str, RempartError]]:
    """(name, error) of the studies that did not end well."""
    return [(run.name, run.error) for run in runs if run.error is not None]
