# SPDX-License-Identifier: Apache-2.0
"""What ``rempart synth`` says of the effects that it planted, from the content of ``truth.json``. Counts and computes nothing."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rempart.cli.voice import Voice

Planted = tuple[str, str, str, str, float]
"""Study, what has the effect, when (word ``effect-…`` of the locale, what fills it), ratio."""


def planted_rows(truth: Mapping[str, Any]) -> list[Planted]:
    """One row an effect of each planted study, or the small population's question; none where nothing is planted."""
    if "effect" in truth:
        return [("", str(truth["effect"]["target"]), "always", "", float(truth["planted_hazard_ratio"]))]
    return [row for name, told in truth["studies"].items() for row in _rows(name, told["design"], told["conditional"])]


def _rows(study: str, design: str, told: Mapping[str, Any]) -> Iterator[Planted]:
    if design == "cohort":
        for product, effect in told["effects"].items():
            late = int(effect["latency_days"])
            for dose, ratio in effect["by_milligrams"]:
                when = ("milligrams", f"{dose:g}") if dose else ("after", f"{late}") if late else ("always", "")
                yield study, product, *when, ratio
            for day, power in effect["power_by_days_since_last_cover"]:
                if day > 0:
                    yield study, product, "stopped", f"{day:g}", power
    elif design == "doses":
        for window in told["windows"]:
            first, last = window["days"]
            yield study, f"{window['product']} ({window['rank']})", "days", f"{first}-{last}", window["ratio"]
    elif design == "births":
        for item in told["malformations"]:
            for drug, ratio in item["odds"].items():
                yield study, f"{drug}, {item['name']}", "always", "", ratio
    else:
        yield study, "PM2.5", "step", f"{told['step']:g}", told["hazard_ratio"]


def show_planted(voice: Voice, file: Path, truth: Mapping[str, Any]) -> None:
    """Where the truth lies, and each planted effect."""
    if "effect" in truth:
        voice.say("synth-truth", file=str(file), effect=voice.number(str(truth["planted_hazard_ratio"])))
        return
    if not truth["studies"]:
        voice.say("synth-truth-none", file=str(file))
        return
    voice.say("synth-truth-studies", file=str(file), studies=", ".join(truth["studies"]))
    rows = [
        (
            study,
            what,
            voice.word(f"effect-{when}", given=voice.number(given)),
            "^ " * (when == "stopped") + voice.number(f"{ratio:g}"),
        )
        for study, what, when, given, ratio in planted_rows(truth)
    ]
    voice.table(["column-study", "column-product", "column-when", "column-ratio"], rows)
    voice.say("synth-france")
