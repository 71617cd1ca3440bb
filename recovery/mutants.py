# SPDX-License-Identifier: Apache-2.0
"""The shortcuts, each a change to the product or to what it is given, under which at least one line must fail."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from recovery import session
from rempart.cohort import compile as frames
from rempart.records.study import Study

Change = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """``about``: the shortcut in words; ``studies``: the trials that it is tried on; ``change``: in force while the block runs."""

    about: str
    studies: tuple[str, ...]
    change: Change


def _prevalent() -> AbstractContextManager[Any]:
    return patch.object(frames, "_washout", lambda *_: {})


_INDEX = frames._index


def _by_what_comes_later(study: Study) -> str:
    """The arm of the last record that anybody has, instead of that of time zero."""
    sql, old = _INDEX(study), "arg_min(arm, day) AS arm FROM study_uses"
    later = "any_value(last_arm) AS arm FROM (SELECT *, arg_max(arm, day) OVER (PARTITION BY person_id) AS last_arm FROM study_uses)"
    if old not in sql:
        raise RuntimeError("time zero is written otherwise now")
    return sql.replace(old, later)


def _future() -> AbstractContextManager[Any]:
    return patch.object(frames, "_index", _by_what_comes_later)


@contextmanager
def _no_lag() -> Iterator[None]:
    of = session.study_of

    def without(name: str, variant: str | None = None) -> Study:
        study = of(name, variant)
        return replace(study, protocol=replace(study.protocol, lag_days=0))

    with patch.object(session, "study_of", without):
        yield


MUTANTS: Mapping[str, Mutant] = {
    "prevalent-users": Mutant(
        about="no washout: who already takes the drug enters too", studies=("pioglitazone_bladder",), change=_prevalent
    ),
    "future-exposure": Mutant(
        about="the arm is that of the last record, which time zero does not know",
        studies=("pioglitazone_bladder",),
        change=_future,
    ),
    "no-lag": Mutant(about="time at risk begins with the drug", studies=("benfluorex_valve",), change=_no_lag),
}


@contextmanager
def mutant(name: str | None) -> Iterator[None]:
    """The product broken so while the block runs."""
    with MUTANTS[name].change() if name else nullcontext():
        yield
