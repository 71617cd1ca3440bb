# SPDX-License-Identifier: Apache-2.0
"""``rempart synth``."""

from pathlib import Path

from rempart.adapters.delivery_writer import DeliverySummary, synthetic_tables, write_delivery
from rempart.ports.surroundings import Progress
from rempart.synthetic.plan import SyntheticPlan

_ENDINGS = {"gzip": ".csv.gz", "csv": ".csv", "parquet": ".parquet"}


def write_synthetic(
    out: Path,
    *,
    persons: int,
    first_year: int,
    last_year: int,
    seed: int,
    effect: float,
    mark: str | None,
    progress: Progress,
    population: str = "study",
    whole: bool = False,
    density: float = 1.0,
    studies: str = "",
    mode: str = "population",
    monthly: bool = False,
    archives_until: int = 0,
    leaks: bool = False,
    form: str = "gzip",
) -> DeliverySummary:
    """Write a synthetic delivery and its truth. ``studies``: names separated by commas; the population "france" is always whole."""
    plan = SyntheticPlan(
        persons=persons, first_year=first_year, last_year=last_year, seed=seed, effect=effect, mark=mark,
        population=population, whole=whole or population == "france", density=density,
        studies=tuple(name for name in studies.replace(" ", "").split(",") if name), mode=mode, monthly=monthly,
        archives_until=archives_until, leaks=leaks, tables=synthetic_tables(),
    )  # fmt: skip
    told = plan.persons
    return write_delivery(out, plan, lambda _, done, __: progress.step("write-files", done, told), form=_ENDINGS[form])
