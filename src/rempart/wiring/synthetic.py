# SPDX-License-Identifier: Apache-2.0
"""``rempart synth``."""

from pathlib import Path

from rempart.adapters.delivery_writer import DeliverySummary, synthetic_tables, write_delivery
from rempart.ports.surroundings import Progress
from rempart.synthetic.plan import SyntheticPlan


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
) -> DeliverySummary:
    """Write a synthetic delivery and its truth."""
    plan = SyntheticPlan(
        persons=persons,
        first_year=first_year,
        last_year=last_year,
        seed=seed,
        effect=effect,
        mark=mark,
        tables=synthetic_tables(),
    )
    return write_delivery(out, plan, lambda _, done, total: progress.step("write-files", done, total))
