# SPDX-License-Identifier: Apache-2.0
"""A run beside the register of what any project released: workers of this machine tell its sets, where nothing told them before."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from rempart.disclosure.findings import findings
from rempart.disclosure.noise import option_from
from rempart.journeys.checked import Checked, checked
from rempart.journeys.fingerprint import Comparison, compared
from rempart.journeys.permits import events
from rempart.journeys.quota import check_quota, check_snapshot
from rempart.journeys.release import FinishedRun, ReleaseDesk
from rempart.records.moved import NONE, head_of
from rempart.wiring.acts import new_run, study_runner
from rempart.wiring.policy import policy_now
from rempart.wiring.spark import engine_called
from rempart.wiring.warehouse import Warehouse


class _Quiet:
    """A progress that tells nothing: how long each step takes is the persons' affair."""

    def step(self, name: str, done: int, total: int) -> None:
        """See the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """``author``: as the author is shown it; ``leaving``: with the derogations asked for; ``entry``: of the register, if it was kept."""

    author: Checked
    leaving: Checked
    entry: str


@contextmanager
def beside_all(warehouse: Warehouse, desk: ReleaseDesk, finished: FinishedRun, *, actor: str) -> Iterator[Comparison]:
    """The run held against the register; raises as ``compared``."""
    with engine_called(warehouse) as engine:
        runner = study_runner(warehouse, engine, progress=_Quiet(), fresh=True)
        with compared(runner, desk, finished, run=new_run("F"), actor=actor) as found:
            yield found


def examined(
    warehouse: Warehouse,
    desk: ReleaseDesk,
    finished: FinishedRun,
    *,
    actor: str,
    derogations: Sequence[str] = (),
    seen: bool = True,
    option: str = NONE,
) -> Examined:
    """The run's tables beside everything that any project shows; ``seen``: they will be shown to somebody, so the register keeps which;
    ``option``: how their counts are altered. Raises BadInput ``disclosure-option``.

    Raises Refused ``release-quota`` for a project that was told too often that its tables are too close to an earlier release,
    ``release-snapshot-moved`` for one whose data changed since it showed something."""
    log, policy = events(warehouse.ledger), policy_now(warehouse)
    check_quota(log, finished.permit, policy=policy, now=desk.recorder.clock.now())
    option_from(option, desk.rules)
    check_snapshot(log, finished.permit, head_of(log, finished.result), policy=policy, option=option)
    with beside_all(warehouse, desk, finished, actor=actor) as comparison:
        look = partial(checked, desk, finished, actor=actor, near=comparison.near, threes=comparison.threes)
        look = partial(look, option=option, marks=comparison.marks)
        author = leaving = look()
        while derogations:
            leaving = look(derogations=derogations, close=author.close)
            if leaving.close == author.close:
                break
            author = look(close=leaving.close)
        if author.close:
            comparison.too_close()
        if seen:
            comparison.keep(shown=leaving.shown | author.shown, close=author.close)
    return Examined(author=author, leaving=leaving, entry=comparison.entry)


def told(found: Checked) -> list[dict[str, object]]:
    """The findings of tables as their author reads them: which lie too close to an earlier release, never to which."""
    return [{**item, "close": item["output"] in found.too_close} for item in findings(found.tables)]
