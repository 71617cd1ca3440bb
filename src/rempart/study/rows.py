# SPDX-License-Identifier: Apache-2.0
"""Writing result rows: one output at a time, its name, type and units said once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rempart.records.result import ResultRow

UNITS: Mapping[str, str] = {
    "percent": "percent",
    "mean": "years",
    "sd": "years",
    "person_years": "years",
    "rate": "per 1000 person-years",
    "rate_lower": "per 1000 person-years",
    "rate_upper": "per 1000 person-years",
    "survival": "probability",
    "still_treated": "probability",
    "cumulative_incidence": "probability",
    "still_followed": "probability",
    "lower": "probability",
    "upper": "probability",
    "hazard_ratio": "ratio",
    "p_value": "probability",
    "smd": "standard deviations",
}
_PERSONS = "persons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What else stands behind a value: distinct establishments, the two largest contributions, the sum of absolute contributions."""

    establishments: int | None = None
    top1: float | None = None
    top2: float | None = None
    total_abs: float | None = None


_NOTHING = Behind()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where cells of one output are written; ``rows`` is shared by all outputs of a run. ``ending``: of the name, after the
    companion's suffix."""

    run: str
    name: str
    kind: str
    rows: list[ResultRow] = field(default_factory=list)
    ending: str = ""

    def named(self, suffix: str, kind: str) -> "Output":
        """A companion output with the same rows."""
        return replace(self, name=f"{self.name}_{suffix}", kind=kind)

    def write(
        self,
        row: Mapping[str, str],
        column: Mapping[str, str],
        values: Mapping[str, float | None],
        *,
        n: int | None,
        ref: str,
        rule: str = "",
        units: Mapping[str, str] = UNITS,
        behind: Behind = _NOTHING,
    ) -> None:
        """One cell for each statistic of ``values``, all describing the ``n`` persons of the set ``ref``."""
        for statistic, value in values.items():
            self.rows.append(
                ResultRow(
                    run=self.run,
                    output=self.name + self.ending,
                    output_type=self.kind,
                    row_key=dict(row),
                    column_key=dict(column),
                    statistic=statistic,
                    value=None if value is None else float(value),
                    unit=units.get(statistic, _PERSONS),
                    n_persons=n,
                    n_establishments=behind.establishments,
                    top1=behind.top1,
                    top2=behind.top2,
                    total_abs=behind.total_abs,
                    persons_ref=ref,
                    rule=rule,
                )
            )
