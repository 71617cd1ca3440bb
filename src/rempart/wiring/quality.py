# SPDX-License-Identifier: Apache-2.0
"""``rempart quality``: the settings' file, then the journey."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rempart.adapters import package_data
from rempart.adapters.quality_page import Page, write_page
from rempart.adapters.toml_input import read_toml
from rempart.errors import BadInput
from rempart.ingest.quality import Settings, settings
from rempart.ingest.quality_thresholds import own_thresholds
from rempart.journeys.quality import Report, check_quality
from rempart.journeys.quality_delivered import Delivered
from rempart.ports.surroundings import Progress
from rempart.records.omop import layouts
from rempart.wiring.signing import today
from rempart.wiring.warehouse import Warehouse


def quality_settings(thresholds: Path | None = None) -> Settings:
    """The shipped settings, with an operator's own thresholds (``[[thresholds]]``) before them; raises BadInput ``unknown-key``."""
    parsed = package_data.toml("ingest/quality.toml")
    own: Sequence[Mapping[str, Any]] = ()
    if thresholds:
        known = layouts(package_data.toml("records/omop54.toml"))
        own = own_thresholds(thresholds.name, read_toml(thresholds), parsed, known)
    return settings({**parsed, "thresholds": [*own, *parsed["thresholds"]]}, today=today())


def quality(warehouse: Warehouse, *, thresholds: Path | None, progress: Progress) -> Report:
    """Check the warehouse as it stands."""
    rules = quality_settings(thresholds)
    with warehouse.queries() as new_query:
        return check_quality(
            vault=warehouse.vault,
            recorder=warehouse.recorder,
            new_query=new_query,
            layouts=warehouse.layouts,
            rules=rules,
            beyond=Delivered(rules, bits=_bits("linking"), dropped=_bits("twice")),
            progress=progress,
        )


def _bits(what: str) -> list[int]:
    """Bits of the cleaning rules that a table of the settings names."""
    parsed = package_data.toml("ingest/cleaning.toml")
    names = package_data.toml("ingest/quality.toml")[what]["rules"]
    return [row["bit"] for row in parsed["rules"] if row["id"] in names]


def refuse_page(path: Path) -> None:
    """Refuse, before hours of checks, a page that cannot be written: raises BadInput ``file-unwritable``."""
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise BadInput("file-unwritable", file=path.name)


def write_quality_page(path: Path, report: Report, rules: Settings, *, seconds: float, language: str) -> None:
    """The report as one HTML file; raises BadInput ``file-unwritable``."""
    page = Page(
        head=report.head,
        day=rules.today,
        scans=report.scans,
        shards=report.shards,
        rows=report.rows,
        behind=report.behind,
        seconds=seconds,
        hiding=rules.facts["hiding"],
    )
    write_page(path, page, report.findings, rules.kinds, language=language)
