# SPDX-License-Identifier: Apache-2.0
"""Two deliveries of one id whose populations differ are noted with the units of the later one, in the report of the compaction too."""

import shutil
from pathlib import Path

import pytest

from tests.ingest_house import bring, empty_warehouse, whole_delivery

TEXT = 'schema = "rempart.delivery/1"\nid = "D"\nproduced = {}\n[population]\nfraction = {}\n'
NOTE = ("population-unlike", "D population.fraction", "0.5 | 1.0")


@pytest.mark.slow
def test_a_second_delivery_of_one_id_that_declares_otherwise_is_noted(tmp_path: Path) -> None:
    others, cards = whole_delivery(tmp_path), tmp_path / "cards"
    cards.mkdir()
    for path in [path for path in others.iterdir() if path.name.startswith("IR_BEN_R.")]:
        shutil.move(path, cards)
    for folder, produced, fraction in ((cards, "2016-01-01", 1.0), (others, "2016-06-01", 0.5)):
        (folder / "delivery.toml").write_text(TEXT.format(produced, fraction), encoding="utf-8")
    with empty_warehouse(tmp_path) as place:
        assert NOTE not in bring(place, cards, later=True).notes
        made = bring(place, others)
    assert made.report is not None
    assert NOTE in made.notes
    assert NOTE in made.report.notes
