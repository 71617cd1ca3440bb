# SPDX-License-Identifier: Apache-2.0
"""``rempart synth``."""

from pathlib import Path

from rempart.adapters.delivery_writer import DeliverySummary, synthetic_tables, write_delivery
from rempart.errors import BadInput
from rempart.ports.surroundings import Progress
from rempart.synthetic.plan import SyntheticPlan
from rempart.synthetic.studies import check_asked

_ENDINGS = {"gzip": ".csv.gz", "csv": ".csv", "parquet": ".parquet"}


def write_synthetic(
    out: Path,
    *,
    persons: int,
    first_year: int,
    last_year: int,
    seed: int,
    effect: float | None,
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
    """Write a synthetic delivery and its truth. ``studies``: names separated by commas; they are planted in "france", always whole.

    ``effect``: of the small population's question (None: 2), or instead of the one study's own. Raises BadInput
    ``synth-effect-nowhere`` where neither is planted.
    """
    names = tuple(name for name in studies.replace(" ", "").split(",") if name)
    tables, asked = synthetic_tables(), "france" if names or mode != "population" else population
    if names or mode != "population":
        check_asked(tables["studies"], names, mode, effect if names else None)
    elif asked == "france" and effect is not None:
        raise BadInput("synth-effect-nowhere", given=str(effect))
    plan = SyntheticPlan(
        persons=persons, first_year=first_year, last_year=last_year, seed=seed, mark=mark, population=asked,
        effect=2.0 if effect is None or names else effect, study_effect=effect if names else None,
        whole=whole or asked == "france", density=density, studies=names, mode=mode, monthly=monthly,
        archives_until=archives_until, leaks=leaks, tables=tables,
    )  # fmt: skip
    told = plan.persons
    return write_delivery(
        out,
        plan,
        lambda _, done, __: progress.step("write-files", done, told),
        form=_ENDINGS[form],
        drawn=lambda done, total: progress.step("draw-truth", done, total),
    )
