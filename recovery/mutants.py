# SPDX-License-Identifier: Apache-2.0
"""The shortcuts, each a change to the product or to what it is given, under which at least one line must fail.

``fast`` ones stand in what a seed without a delivery goes through; the others in the ingest (mutants_ingest.py).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np

from recovery import project, session
from recovery.mutants_ingest import INGEST, Edit
from recovery.persons import Scene, year_starts
from rempart.cohort import compile as frames
from rempart.cohort import design_time_varying
from rempart.records.design_nested_case_control import KEPT
from rempart.records.study import Study
from rempart.study import time_to_event
from rempart.study.survival import Curve, kaplan_meier
from rempart.synthetic.plan import Ints

Change = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``about``: the shortcut in words; ``studies``: the trials that it is tried on; ``change``: in force while the block runs."""

    about: str
    studies: tuple[str, ...]
    change: Change


def _prevalent() -> AbstractContextManager[Any]:
    return patch.object(frames, "_washout", lambda *_: {})


_SINCE = design_time_varying._since


def _exposed_from_the_start(*given: Any) -> str:
    """Whoever is ever exposed counts as exposed from time zero on: their immortal time is credited to the drug."""
    sql, old = _SINCE(*given), "q.day - f.t0 +"
    if old not in sql:
        raise RuntimeError("the state of an exposure is written otherwise now")
    return sql.replace(old, "0 * (q.day - f.t0) +")


def _future() -> AbstractContextManager[Any]:
    return patch.object(design_time_varying, "_since", _exposed_from_the_start)


@contextmanager
def _no_lag() -> Iterator[None]:
    of = session.study_of

    def without(name: str, variant: str | None = None) -> Study:
        study = of(name, variant)
        return replace(study, protocol=replace(study.protocol, lag_days=0))

    with patch.object(session, "study_of", without):
        yield


@contextmanager
def _siblings() -> Iterator[None]:
    """Whoever had another progestogen stays in the reference."""
    of = session.study_of

    def kept(name: str, variant: str | None = None) -> Study:
        study = of(name, variant)
        designs = [replace(item, parameters={**item.parameters, "siblings": KEPT}) for item in study.designs]
        return replace(study, designs=tuple(designs))

    with patch.object(session, "study_of", kept):
        yield


def _complement(at_risk: Ints, events: Ints, _: Ints) -> Curve:
    """1 − Kaplan–Meier of the outcome, the dead taken for censored, in the place of Aalen–Johansen."""
    curve = kaplan_meier(at_risk, events)
    return replace(curve, value=1 - curve.value, lower=1 - curve.upper, upper=1 - curve.lower)


def _one_less() -> AbstractContextManager[Any]:
    return patch.object(time_to_event, "aalen_johansen", _complement)


def _last_home(scene: Scene) -> Ints:
    """The place where somebody was last known to live, for every year."""
    homes, starts = scene.block.homes, year_starts(scene.days)
    if homes is None:
        raise ValueError("a scene without homes")
    last = (starts[None, 1:-1] <= project.end_of(scene)[:, None]).sum(axis=1)
    return np.asarray(np.repeat(homes[np.arange(len(homes)), last][:, None], homes.shape[1], axis=1))


def _last_address() -> AbstractContextManager[Any]:
    return patch.object(project, "residence", _last_home)


def _last_seen(scene: Scene) -> Ints:
    """The last day with a dispensing or a stay; who has none is seen on the first day alone."""
    last = np.full(len(scene.block), scene.days.first)
    for records in (scene.planted.dispensings, scene.planted.stays):
        np.maximum.at(last, records.person, records.day)
    return np.asarray(np.minimum(last, project.end_of(scene)))


def _last_visit() -> AbstractContextManager[Any]:
    return patch.object(project, "observed_until", _last_seen)


def _ingest(edit: Edit) -> Mutant:
    return Mutant(about=edit.about, studies=("pioglitazone_bladder_whole",), change=edit.change)


MUTANTS: Mapping[str, Mutant] = {
    "prevalent-users": Mutant(
        about="no washout: who already takes the drug enters too", studies=("pioglitazone_bladder",), change=_prevalent
    ),
    "future-exposure": Mutant(
        about="who is ever exposed counts as exposed from time zero on",
        studies=("pioglitazone_in_time",),
        change=_future,
    ),
    "no-lag": Mutant(about="time at risk begins with the drug", studies=("benfluorex_valve",), change=_no_lag),
    "siblings-in-reference": Mutant(
        about="users of the other progestogens are in the reference",
        studies=("progestogen_nested",),
        change=_siblings,
    ),
    "one-minus-km": Mutant(
        about="1 − Kaplan–Meier: the dead can still bleed", studies=("doac_risk",), change=_one_less
    ),
    "last-address": Mutant(
        about="the last address stands for all years", studies=("pm25_mortality",), change=_last_address
    ),
    "end-at-last-visit": Mutant(
        about="observation ends with the last dispensing or stay",
        studies=("doac_risk", "pioglitazone_bladder"),
        change=_last_visit,
    ),
    **{name: _ingest(edit) for name, edit in INGEST.items()},
}


@contextmanager
def mutant(name: str | None) -> Iterator[None]:
    """The product broken so while the block runs."""
    with MUTANTS[name].change() if name else nullcontext():
        yield
