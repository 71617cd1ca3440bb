# SPDX-License-Identifier: Apache-2.0
"""The pictures of docs/figures.md: an invented study, and the figures of its invented tables. ``python -m tests.figure_pictures`` draws
them again."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from rempart.adapters.figures import draw, draw_designs
from rempart.release.labels import reader_labels
from tests.figure_samples import tables

ROOT = Path(__file__).resolve().parent.parent
SOURCE, PICTURES = ROOT / "src" / "rempart", ROOT / "docs" / "pictures" / "figures"
NAMES = ("renal_disease", "insulin", "statins", "smoking_care", "liver_disease", "heart_failure", "hypertension")
STUDY: dict[str, Any] = {
    "schema": "rempart.study/1",
    "protocol": {
        "period": ["2013-01-01", "2017-12-31"],
        "estimand": "initiation",
        "follow_up_days": 1825,
        "lag_days": 30,
        "grace_days": 0,
        "death": "month",
    },
    "codes": dict.fromkeys(("pioglitazone", "sulfonylurea", "bladder_cancer", "vaccine")),
    "cohorts": {
        "main": {
            "prior_observation_days": 365,
            "washout_days": 365,
            "age": [40, 120],
            "exclude": [{"domain": "condition", "codes": "bladder_cancer", "days": [-365, 0]}],
        },
        "ill": {"prior_observation_days": 365, "age": [18, 120]},
    },
    "exposures": {
        "target": {"codes": "pioglitazone", "non_users": False},
        "comparator": {"codes": "sulfonylurea", "non_users": False},
        "first_dose": {"codes": "vaccine", "non_users": False},
        "second_dose": {"codes": "vaccine", "non_users": False},
    },
    "outcomes": {"bladder_cancer": {}, "myocarditis": {}},
    "covariates": {
        "age_band": {"type": "age"},
        "sex": {"type": "sex"},
        **{name: {"type": "history", "days": [-365, 0]} for name in NAMES},
    },
    "analyses": [
        {
            "id": "main",
            "type": "cox",
            "design": "new-user-active-comparator",
            "inputs": {
                "cohort": "main",
                "target": "target",
                "comparator": "comparator",
                "outcome": "bladder_cancer",
                "covariates": ["age_band", "sex", "insulin", "statins"],
            },
            "parameters": {},
        },
        {
            "id": "series",
            "type": "case_series",
            "design": "self-controlled",
            "inputs": {"cohort": "main", "exposures": ["first_dose"], "outcome": "myocarditis"},
            "parameters": {
                "windows": [{"days": [0, 13], "of": "start"}, {"days": [14, 41], "of": "start"}],
                "pre_exposure_days": 30,
                "washout_days": 0,
                "ends": "independent",
            },
        },
        {
            "id": "crossed",
            "type": "odds_ratio",
            "design": "case-crossover",
            "inputs": {"cohort": "ill", "exposures": ["target"]},
            "parameters": {"risk_window": [-30, -1], "apart": [-120, -90], "time_stratified": False},
        },
    ],
}


@cache
def figures(language: str, *, png: bool = False) -> dict[str, bytes]:
    """Every figure of every sample, and the diagrams of the invented study."""
    words = tomllib.loads((SOURCE / "release" / "words.toml").read_text(encoding="utf-8"))
    found: dict[str, bytes] = {}
    for each in tables().values():
        names = reader_labels(each, study=STUDY, words=words, language=language)
        found |= draw(each, language=language, names=names, png=png)
    names = reader_labels((), study=STUDY, words=words, language=language)
    return found | draw_designs(STUDY, language=language, names=names, png=png)


def main() -> None:
    """Write the pictures of docs/figures.md."""
    for language in ("en", "fr"):
        for name, data in figures(language).items():
            (PICTURES / name).write_bytes(data)


if __name__ == "__main__":
    main()
