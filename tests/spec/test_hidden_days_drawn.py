# SPDX-License-Identifier: Apache-2.0
"""The figure of a curve counts its days from time zero, whatever the lag, and names those that its table does not show."""

import html
import re

import pytest

from rempart.adapters.figures import draw
from rempart.adapters.package_data import toml
from rempart.records.study import study_from_dict
from rempart.release.labels import reader_labels
from rempart.wiring.spoken import spoken
from tests.figure_cells import Cell, table

WORDS = spoken()


def drawn(language: str, days: list[int]) -> str:
    """The figure of the cumulative incidence of the worked comparison (lag 30, a point every 180 days for five years), these days shown."""
    study = study_from_dict(toml("examples/glitazones/study.toml")).as_dict()
    cells: list[Cell] = []
    for day in days:
        for arm in ("target", "comparator"):
            shown = {"cumulative_incidence": day / 1e5, "lower": 0.0, "upper": day / 5e4, "at_risk": 500.0}
            cells += [({"day": f"{day:05d}"}, arm, name, value) for name, value in shown.items()]
    item = table("cumulative_incidence", "survival", cells)
    names = reader_labels([item], study=study, words=WORDS, language=language)
    svg = draw([item], language=language, names=names, png=False)[f"cumulative_incidence-{language}.svg"].decode()
    return re.sub(r"\s+", " ", " ".join(html.unescape(text) for text in re.findall(r">([^<>]+)<", svg)))


@pytest.mark.parametrize(
    ("language", "axis", "hidden"),
    [
        ("en", "since time zero", "Days not shown: 1260, 1440, 1620, 1800."),
        ("fr", "depuis le temps zéro", "Jours non montrés : 1260, 1440, 1620, 1800."),
    ],
)
def test_a_curve_says_from_when_its_days_count_and_which_are_not_shown(language: str, axis: str, hidden: str) -> None:
    whole = [30, *range(180, 1801, 180)]
    assert axis in drawn(language, whole) and hidden not in drawn(language, whole)
    assert hidden in drawn(language, whole[:-4])
