# SPDX-License-Identifier: Apache-2.0
"""Matched comparators as data: which cohort is matched to which, on what, how many. Chooses nobody.

Read from ``[cohorts.NAME] match = { to, from, kind, ratio, on, … }`` (docs/matching.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput
from rempart.records.fields import Fields

RISK_SET, EXACT = "risk-set", "exact"
KINDS = (RISK_SET, EXACT)
SEX, AGE, PLACE, CALENDAR = "sex", "age", "place", "calendar"
ON = (AGE, CALENDAR, PLACE, SEX)
_MOST, _YEARS, _DAYS = 100, 20, 3660


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """``pool`` (``from`` in the file) gives up to ``ratio`` controls to each period of ``to``.

    ``age_years``, ``calendar_days``: how far apart, 0 for the same; None where it is not matched on. ``replace``: whether a person may
    serve in several sets.
    """

    to: str
    pool: str
    kind: str
    ratio: int
    on: tuple[str, ...]
    age_years: int | None
    calendar_days: int | None
    replace: bool

    @property
    def of_risk_set(self) -> bool:
        """Whether a control's index day is its case's."""
        return self.kind == RISK_SET

    def as_dict(self) -> dict[str, Any]:
        """The canonical form, every default written out; ``read_matching`` reads it back."""
        body: dict[str, Any] = {"to": self.to, "from": self.pool, "kind": self.kind, "ratio": self.ratio}
        body |= {"on": list(self.on), "replace": self.replace}
        body |= {"age_years": self.age_years} if self.age_years is not None else {}
        return body | ({"calendar_days": self.calendar_days} if self.calendar_days is not None else {})


def read_matching(given: Fields) -> Matching:
    """The table ``match``; raises BadInput ``study-field``, ``unknown-key``."""
    kind = given.choice("kind", KINDS)
    on = tuple(sorted(given.texts("on")))
    for name in on:
        if name not in ON:
            raise given.wrong("on", "some of " + ", ".join(ON))
    near = kind == EXACT and CALENDAR in on
    matching = Matching(
        to=given.text("to"),
        pool=given.text("from"),
        kind=kind,
        ratio=given.whole("ratio", low=1, high=_MOST),
        on=on,
        age_years=given.whole("age_years", 0, high=_YEARS) if AGE in on else None,
        calendar_days=given.whole("calendar_days", 0, high=_DAYS) if near else None,
        replace=given.flag("replace") if given.has("replace") else kind == RISK_SET,
    )
    given.done()
    if matching.to == matching.pool:
        raise given.wrong("from", "another cohort than to")
    return matching


def check_matchings(matchings: Mapping[str, Matching], cohorts: Mapping[str, object], *, file: str) -> None:
    """Both cohorts of each matching are there, and no matched one is matched again.

    ``cohorts``: every rule cohort of the study that is not itself matched. Raises BadInput ``study-name``.
    """
    for name, matching in matchings.items():
        for key, other in (("to", matching.to), ("from", matching.pool)):
            if other not in cohorts:
                expected = ", ".join(cohorts) or "(none is defined)"
                field = f"cohorts.{name}.match.{key}"
                raise BadInput("study-name", file=file, field=field, name=other, expected=expected)
