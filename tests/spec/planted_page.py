# SPDX-License-Identifier: Apache-2.0
"""docs/planted.md, written from studies.toml and marginal.toml. ``python -m tests.spec.planted_page`` writes it."""

from pathlib import Path
from typing import Any

from rempart.adapters import package_data

PAGE = Path(__file__).resolve().parents[2] / "docs" / "planted.md"
HEAD = """\
# The planted studies

Written by `python -m tests.spec.planted_page` from `src/rempart/synthetic/studies.toml` and `marginal.toml`; a test compares. Every
number's origin (read, derived, remembered, chosen) stands beside it in the first file. Decisions:
[ADR 0023](adr/0023-studies-are-planted-by-one-law-and-told-with-two-truths.md).

    rempart synth OUT --studies pioglitazone_bladder --mode boost --persons 20000
    rempart synth OUT --studies mrna_myocarditis,valproate_malformations --years 2020:2022 --persons 100000

Modes: **population**: the eligible among everybody, several studies at once; **cohort**: the eligible of one study, at true rates;
**boost**: the same, the outcome's baseline times k with the same ratios (never a death). `OUT/truth.json` holds under `studies`, by name:
`conditional` (what a regression given age and sex must find), `marginal` (what weighting, matching or a target trial must find, each
number with its Monte-Carlo error, from at least 10 million potential outcomes: those below are kept, those of another `--effect` are drawn
when it is asked for, in about a minute), `planted` (persons, outcomes and person-years by arm). What is not planted is not in the file:
`planted_hazard_ratio`, `effect` and `arms` are of the population `study` alone.
`OUT/truth_studies.csv.gz` holds a row a study and person.

"""
MARGINAL = """
## Marginal truths

Hazard ratios (of malformations: odds ratios) and risks in two worlds made of the same persons. *Initiation*: the drug is started and
stopped as people do; *on treatment*: never stopped. The crude ratio is the one that the arms show unadjusted, all sampling apart.

Years are counted from the first dispensing, and so are outcomes, those of a latency too, in which the drug does nothing yet. *From day
n*, n the latency: the outcomes after day n alone, in those alive and without the outcome by then. That is the truth of a study with
`lag_days = n`: a risk is the outcomes after day n over the persons at risk at its end, the ratio is Cox's over the same days. The first
kind is the truth of a study without a lag: over two years the 3.1 of benfluorex is then (90 × 1 + 640 × 3.1) / 730 = 2.84 by latency
alone; that ratios of hazards do not average takes away another hundredth.

| study | mode | contrast | marginal ratio | risk with | risk without | crude ratio |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    tables, kept = (package_data.toml(f"synthetic/{name}.toml") for name in ("studies", "marginal"))
    rows = ["| study | after | eligible | k of boost | planted | published |", "|---|---|---|---|---|---|"]
    rows += [_study(name, table) for name, table in tables["studies"].items()]
    return HEAD + "\n".join(rows) + "\n" + MARGINAL + "\n".join(_marginal(kept)) + "\n"


def _study(name: str, table: dict[str, Any]) -> str:
    low, high = table["eligible"]["age"]
    who = f"{table['eligible']['persons']:,} aged {low} to {high - 1}"
    told = table["published"]["adjusted"]
    return f"| `{name}` | {table['reference']} | {who} | {table['boost']} | {_planted(table)} | {told[0]} ({told[1]}–{told[2]}) |"


def _planted(table: dict[str, Any]) -> str:
    if table["design"] == "cohort":
        return "; ".join(f"{product}: {_effect(effect)}" for product, effect in table["effects"].items())
    if table["design"] == "doses":
        return "; ".join(
            f"{w['product']} dose {w['rank']}, days {w['days'][0]}–{w['days'][1]}: {w['ratio']}"
            for w in table["windows"]
        )
    if table["design"] == "births":
        return "; ".join(
            f"{m['name']}: {', '.join(f'{d} {r}' for d, r in m['odds'].items())}" for m in table["malformations"]
        )
    return f"{table['ratio']} for each {table['step']} µg/m³"


def _effect(effect: dict[str, Any]) -> str:
    steps = effect["dose"]
    text = ", ".join(f"{ratio} from {dose:,} mg" if dose else f"{ratio}" for dose, ratio in steps)
    if effect["latency_days"]:
        text += f" after {effect['latency_days']} days"
    for day, power in effect["since"][1:]:
        text += f", to the power {power} from {day} days after stopping"
    return text


def _marginal(kept: dict[str, Any]) -> list[str]:
    rows = []
    for truth in kept["truths"]:
        contrasts = truth["contrasts"]
        crude = contrasts.get("observed", {}).get("crude_rate_ratio", {}).get("value")
        mode = truth["mode"] + (f", effect {truth['effect']:g}" if "effect" in truth else "")
        for name, numbers in contrasts.items():
            if name == "observed":
                continue
            ratio = numbers.get("hazard_ratio", numbers.get("odds_ratio"))["value"]
            seen = crude if crude is not None else numbers.get("crude_odds_ratio", {}).get("value")
            risks = " | ".join(f"{numbers[word]['value']:.3g}" for word in ("risk_target", "risk_comparator"))
            shown = f"{seen:.3f}" if seen is not None else ""
            rows.append(f"| `{truth['study']}` | {mode} | {_words(name)} | {ratio:.4f} | {risks} | {shown} |")
    return rows


def _words(name: str) -> str:
    return name.replace("_", " ").replace(" 1 years", " 1 year")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
