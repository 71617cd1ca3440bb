# SPDX-License-Identifier: Apache-2.0
"""Conditional logistic regression on the sets of a study: terms of interest, covariates by their levels, and what has no estimate.

A level that no case bears is set aside with the rows that bear it: as its coefficient falls without end, the likelihood tends to that of
the others. A covariate's level that no set tells apart, or that repeats what earlier ones say, is left out: the fit is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rempart.errors import BadInput
from rempart.study.designed import Texts
from rempart.study.estimators import case_control
from rempart.study.estimators.conditional import ConditionalFit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_ESTIMATE = ("ratio", "lower", "upper", "p_value")
_REPEATED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSets:
    """Rows (R,): the ``set`` of each, whether it is the ``case``, indicators of the ``terms`` of interest, levels of ``covariates``."""

    set: Ints
    case: Flags
    terms: Mapping[str, Floats]
    covariates: Mapping[str, Texts]

    def of(self, keep: Flags) -> "CaseSets":
        """The rows that are kept."""
        return CaseSets(
            set=self.set[keep],
            case=self.case[keep],
            terms={name: column[keep] for name, column in self.terms.items()},
            covariates={name: column[keep] for name, column in self.covariates.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """A fit, or None; ``rules``: why a term has no estimate."""

    fit: ConditionalFit | None
    rules: Mapping[str, str]

    def values(self, term: str) -> tuple[dict[str, float | None], str]:
        """Ratio, Wald limits and p of a term; without an estimate, None and why."""
        if self.fit is None or term in self.rules:
            return dict.fromkeys(NO_ESTIMATE), self.rules[term]
        at = self.fit.terms.index(term)
        lower, upper = self.fit.interval(at)
        ratio = float(np.exp(self.fit.beta[at]))
        return {"ratio": ratio, "lower": lower, "upper": upper, "p_value": self.fit.p_value(at)}, ""


def ratios(given: CaseSets) -> Ratios:
    """The ratio of each term, all in one model with the covariates."""
    borne = {name: bool(column.any()) for name, column in given.terms.items()}
    aside = [name for name, column in given.terms.items() if not column[given.case].any()]
    rules = {name: "conditional-separation" if borne[name] else "conditional-constant" for name in aside}
    told = _with_cases(given.of(~_bearing(given, aside)))
    terms = [name for name in given.terms if name not in rules]
    columns = [told.terms[name] for name in terms]
    labels = list(terms)
    for label, column in _levels(told):
        labels.append(label)
        columns.append(column)
    try:
        if not terms or not len(told.set):
            raise BadInput("conditional-no-discordant")
        x = np.stack(columns, axis=1)
        kept = [*range(len(terms)), *_telling(told.set, x, first=len(terms))]
        fit = case_control.fit(told.set, told.case, x[:, kept], [labels[at] for at in kept])
    except BadInput as error:
        return Ratios(fit=None, rules=dict.fromkeys(given.terms, error.code) | rules)
    return Ratios(fit=fit, rules=rules)


def _bearing(given: CaseSets, terms: Sequence[str]) -> Flags:
    found = np.zeros(len(given.set), dtype=np.bool_)
    for name in terms:
        found |= given.terms[name] > 0
    return found


def _with_cases(given: CaseSets) -> CaseSets:
    """Without rows of a covariate's level that no case bears, level by level until nothing more falls away."""
    while True:
        keep = np.ones(len(given.set), dtype=np.bool_)
        for column in given.covariates.values():
            keep &= np.isin(column, column[given.case])
        if keep.all():
            return given
        given = given.of(keep)


def _levels(given: CaseSets) -> list[tuple[str, Floats]]:
    """Indicators of each covariate's levels but the one with most cases."""
    found = []
    for name, column in given.covariates.items():
        levels, count = np.unique(column[given.case], return_counts=True)
        first = str(levels[int(np.argmax(count))]) if len(levels) else ""
        found += [(f"{name} {level}", (column == level).astype(np.float64)) for level in levels if str(level) != first]
    return found


def _telling(of_set: Ints, x: Floats, *, first: int) -> list[int]:
    """Columns from place ``first`` on that differ within some set and are no combination of those before them."""
    if x.shape[1] == first:
        return []
    rows = np.bincount(of_set)
    inside = np.column_stack([column - (np.bincount(of_set, weights=column) / rows.clip(1))[of_set] for column in x.T])
    gram = inside.T @ inside
    kept: list[int] = []
    for at in range(first, x.shape[1]):
        left = gram[at, at]
        if left > 0 and kept:
            left -= gram[at, kept] @ np.linalg.solve(gram[np.ix_(kept, kept)], gram[kept, at])
        if left > _REPEATED * max(gram[at, at], 1.0):
            kept.append(at)
    return kept
