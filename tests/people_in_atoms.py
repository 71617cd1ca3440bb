# SPDX-License-Identifier: Apache-2.0
"""Submissions of every design, written by their own writers from sets of persons that are told atom by atom: an atom is all who are alike
in whatever a design counts. Estimates are left out: they go with the counts that they stand on. Suppresses nothing.

An atom is a text of one sign per question; a count is the sum of the atoms that answer so.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa

from rempart.records.design import DesignAnalysis
from rempart.records.design_target_trial import attrition_steps
from rempart.records.result import ResultRow
from rempart.records.study import Study, study_from_dict
from rempart.study import designs
from rempart.study.designed import Designed
from rempart.study.rows import Output
from rempart.study.tallies import COUNTS, Tally
from tests.disclosure_rows import row

Sizes = Mapping[str, int]
Chosen = Callable[[str], bool]
EMPTY = pa.table(
    {name: pa.array([], pa.string()) for name in ("analysis", "part", "key")} | {"n": pa.array([], pa.int64())}
)


@dataclass(frozen=True, slots=True)
class Submission:
    """``atoms``: their names; ``write``: persons by atom → all raw rows of a submission."""

    name: str
    atoms: tuple[str, ...]
    write: Callable[[Sizes], list[ResultRow]]


def whole_language() -> Study:
    """The study that uses every key."""
    body = tomllib.loads((Path(__file__).parent / "spec" / "whole_language.toml").read_text(encoding="utf-8"))
    body.pop("variants", None)
    return study_from_dict(body)


STUDY = whole_language()
_BY_ID = {item.id: item for item in STUDY.designs}


def asked(of: str, *, name: str = "", **changes: Any) -> DesignAnalysis:
    """An analysis of that study, with other inputs or parameters."""
    found = _BY_ID[of]
    inputs = {key: item for key, item in {**found.inputs, **changes.pop("inputs", {})}.items() if item is not None}
    kind = changes.pop("type", found.type)
    return replace(found, id=name or of, type=kind, inputs=inputs, parameters={**found.parameters, **changes})


def tally(sizes: Sizes, part: str, key: Mapping[str, str], chosen: Chosen) -> dict[str, Any]:
    """One line of the table ``tallies``: persons of the atoms chosen, with the fingerprint of their set."""
    mine = {atom: n for atom, n in sizes.items() if n and chosen(atom)}
    persons = sum(mine.values())
    prints = [sum(_hash(atom, side) * n for atom, n in mine.items()) % 2**64 for side in "ab"]
    signed = [value - 2**64 if value >= 2**63 else value for value in prints]
    counts = dict.fromkeys(COUNTS, 0) | {"n": persons, "persons": persons, "total": persons}
    counts |= {"print_a": signed[0], "print_b": signed[1]}
    return {"analysis": "", "part": part, "key": json.dumps(dict(key), sort_keys=True), **counts}


def _hash(atom: str, side: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{atom}{side}".encode()).digest()[:8], "big") | 1


def reference(sizes: Sizes, chosen: Chosen) -> tuple[int, str]:
    """Persons and the name of their set, as writers name it."""
    line = tally(sizes, "", {}, chosen)
    cell = Tally(key={}, **{name: line[name] for name in COUNTS})
    return cell.persons, f"print:{cell.fingerprint}" if cell.persons else ""


def written(analysis: DesignAnalysis, tallies: Iterable[Mapping[str, Any]], *, ending: str = "") -> list[ResultRow]:
    """The rows of one analysis from its tallies alone: whatever would be estimated has no value."""
    name, kind, write = designs.OUTPUTS[analysis.design, analysis.type]
    table = pa.Table.from_pylist([{**line, "analysis": analysis.id} for line in tallies])
    output = Output(run="run", name=name, kind=kind, ending=ending)
    write(output, Designed(study=STUDY, analysis=analysis, tallies=table, counted=EMPTY))
    return [item for item in output.rows if item.value is not None]


def count(output: str, kind: str, key: Mapping[str, str], arm: str, statistic: str, told: tuple[int, str]) -> ResultRow:
    """A count of another table of the same cohort."""
    return row(output, kind, key, arm, statistic, told[0], ref=told[1])


def crossed(*answers: str, but: Chosen = lambda atom: False) -> tuple[str, ...]:
    """Every combination of one sign of each, ``but`` those that cannot be."""
    return tuple(atom for atom in map("".join, product(*answers)) if not but(atom))


def those(*told: tuple[int, str]) -> Chosen:
    """Whose sign at each place is one of those given."""
    return lambda atom: all(atom[place] in signs for place, signs in told)


def anybody(_: str) -> bool:
    """Every atom."""
    return True


# --------------------------------------------------------------------------------------------------------- target trials


def _no_trial(atom: str) -> bool:
    """Arms, and outcomes in them, are of who is in a trial and in that arm."""
    passed, arms, *ill = atom
    outside = [sign for sign, arm in zip(ill, "sn", strict=True) if arms not in (arm, "b")]
    return (passed != "3") != (arms == ".") or "E" in outside


# How many steps are passed; in the arm of starters, of the others or in both; the outcome in the one and in the other.
_TRIALS = crossed("123", ".snb", "-E", "-E", but=_no_trial)


def _target_trials(sizes: Sizes) -> list[ResultRow]:
    assert len(attrition_steps(asked("trials"))) == 3
    lines = [tally(sizes, "members", {"passed": n}, those((0, n))) for n in "123"]
    for arm, signs, ill in (("1", "sb", 2), ("0", "nb", 3)):
        lines.append(tally(sizes, "persons", {"arm": arm}, those((1, signs))))
        lines.append(tally(sizes, "events", {"arm": arm}, those((ill, "E"))))
    found = written(asked("trials", name="flow", type="attrition"), lines)
    return found + written(asked("trials"), lines) + written(asked("trials", name="risks", type="risk"), lines)


# An arm; the outcome by a day of both analyses, of the second alone, whose intervals are longer, or of neither.
_BY_A_DAY = crossed("sn", "12-")


def _risks(sizes: Sizes) -> list[ResultRow]:
    """Risks of two analyses of one study, whose arms hold the same persons."""
    found = []
    for name, ill, every in (("first", "1", 30), ("second", "12", 31)):
        lines = [tally(sizes, "persons", {"arm": arm}, those((0, sign))) for arm, sign in (("1", "s"), ("0", "n"))]
        lines += [
            tally(sizes, "events", {"arm": arm}, those((0, sign), (1, ill))) for arm, sign in (("1", "s"), ("0", "n"))
        ]
        found += written(asked("trials", name=name, type="risk", every_days=every), lines, ending=f"_{name}")
    return found


# ---------------------------------------------------------------------------------------------------------- environment


def _no_place(atom: str) -> bool:
    """An outcome counts on days with a value alone, and has a commune or none; without an outcome there is none to have."""
    value, outcome, commune = atom
    return (value, outcome) in {("n", "e"), ("a", "u")} or (outcome == "-" and commune == "c")


# A value on all, some or no days; the outcome on a day that counts, on another, or none; in a commune that is known or not.
_PLACES = crossed("asn", "eu-", "c.", but=_no_place)


def _environment(sizes: Sizes) -> list[ResultRow]:
    cox = [
        tally(sizes, "persons", {}, those((0, "as"))),
        tally(sizes, "unknown", {}, those((0, "sn"))),
        tally(sizes, "outcomes", {}, those((1, "e"))),
    ]
    lag = [tally(sizes, "outcomes", {}, those((2, "c")))]
    everybody, ill = reference(sizes, anybody), reference(sizes, those((1, "eu")))
    others = [count("attrition", "attrition", {"step": "01 in the cohort"}, "all", "n", everybody)]
    for statistic, told in (("persons", everybody), ("events", ill)):
        others.append(count("incidence", "rate", {"outcome": "stay"}, "all", statistic, told))
    return written(asked("air"), cox) + written(asked("days_before"), lag) + others


# ----------------------------------------------------------------------------------------------------------- prediction


def _no_band(atom: str) -> bool:
    """Groups of a calibration are of who judges and whose outcome is known."""
    ended = atom[0]
    return any((side == "t" and ended != "c") == (band == ".") for side, band in (atom[1:3], atom[3:5]))


# Outcome, another end that is known, or censored; then, of each of two splits, who trains (T) or judges (t) and in which group; of a split
# in time some do neither (b).
_PREDICTED = crossed("ohc", "Tt", ".12", "Ttb", ".12", but=_no_band)
_MODEL = {"model": "l1_logistic"}


def _prediction(sizes: Sizes) -> list[ResultRow]:
    found = []
    for side, ending, of in ((1, "_first", "predicted"), (3, "_second", "predicted_later")):
        lines = [
            tally(sizes, "persons", {"set": told, "ended": ended}, those((0, sign), (side, one)))
            for sign, ended in (("o", "outcome"), ("h", "horizon"), ("c", "censored"))
            for one, told in (("T", "train"), ("t", "test"), ("b", "between"))
        ]
        found += written(asked(of, models=["l1_logistic"], groups=[]), lines, ending=ending)
        found += _card(sizes, ending, side) + _tenths(sizes, ending, side)
    return found


def _card(sizes: Sizes, ending: str, side: int) -> list[ResultRow]:
    """Who trained, as ``design_prediction._keep`` tells them."""
    told = {
        name: reference(sizes, those((side, "T"), (0, ended))) for name, ended in (("persons", "oh"), ("events", "o"))
    }
    return [count(f"prediction_model{ending}", "model_card", _MODEL, "all", name, one) for name, one in told.items()]


def _tenths(sizes: Sizes, ending: str, side: int) -> list[ResultRow]:
    """Groups of who judges, as ``design_prediction._tenths`` tells them: without the names of their sets."""
    found = []
    for band in "12":
        key = {**_MODEL, "variable": "tenth", "level": f"0{band}"}
        for name, ended in (("n", "oh"), ("events", "o")):
            n, _ = reference(sizes, those((0, ended), (side + 1, band)))
            found.append(count(f"prediction_calibration{ending}", "calibration", key, "all", name, (n, "")))
    return found


# ---------------------------------------------------------------------------------------------- within persons, matched

_NAMES = ("target", "comparator")
# In the window of each of two exposures, or in none of it; a case of both analyses, or of one.
_SERIES = crossed("wr", "wr", "ko")


def _series(sizes: Sizes) -> list[ResultRow]:
    windows = [{"days": [0, 6], "exposure": name, "of": "start"} for name in _NAMES]
    more = {
        "windows": windows,
        "pre_exposure_days": 0,
        "washout_days": 0,
        "day_zero": "reference",
        "ends": "independent",
    }
    found = []
    for ending, of in (("_first", "ko"), ("_second", "k")):
        lines = [tally(sizes, "cases", {}, those((2, of)))]
        for at, name in enumerate(_NAMES):
            for sign, held in (("w", "days 0 to 6"), ("r", "reference")):
                lines.append(tally(sizes, "windows", {"exposure": name, "held": held}, those((at, sign), (2, of))))
        found += written(asked("series", name=f"series{ending}", **more), lines, ending=ending)
    return [item for item in found if item.statistic != "person_days"]


_CROSSED = crossed("iea", "iea")  # in the risk window, in a reference one, or alike, of each of two exposures


def _crossover(sizes: Sizes, cohort: str = "") -> list[ResultRow]:
    """Cases and their windows; with the name of a ``cohort``, its attrition too: those without an observed window are in it alone."""
    lines = [tally(sizes, "roles", {"role": "case"}, _in_a_window)]
    for at, name in enumerate(_NAMES):
        for sign, level in (("i", "risk"), ("e", "reference"), ("a", "alike")):
            lines.append(tally(sizes, f"exposure/{name}", {"role": "case", "level": level}, those((at, sign))))
    found = written(asked("by_month", inputs={"exposures": list(_NAMES)}), lines)
    everybody = count("attrition", "attrition", {"step": "01 entered"}, cohort, "n", reference(sizes, anybody))
    return [everybody, *found] if cohort else found


def _in_a_window(atom: str) -> bool:
    return "-" not in atom


_BESIDE = (*_CROSSED, "--")  # and those without an observed window

_NESTED = crossed("cC", "xu", "xu")  # a case or a control, exposed or not, to each of two exposures


def _nested(sizes: Sizes, siblings: str) -> list[ResultRow]:
    lines = []
    for sign, role in (("c", "case"), ("C", "control")):
        lines.append(tally(sizes, "roles", {"role": role}, those((0, sign))))
        for at, name in enumerate(_NAMES, 1):
            apart = {"exposed": those((0, sign), (at, "x")), "unexposed": those((0, sign), (at, "u"))}
            if siblings == "excluded":
                apart |= {f"{word}": those((0, sign), (at, "u"), (3 - at, other)) for word, other in _SIBLING.items()}
            lines += [tally(sizes, f"exposure/{name}", {"role": role, "level": word}, of) for word, of in apart.items()]
    return written(asked("nested", siblings=siblings), lines)


_SIBLING = {"unexposed": "u", "other exposure": "x"}

# ------------------------------------------------------------------------------------------- time-varying, sequences


def _not_yet(atom: str) -> bool:
    """The outcome is met in a state that was reached: never, then current, then past."""
    reached, ill = atom[:2], atom[2:]
    return ("-" in ill and ill != "--") or any(sign > last for last, sign in zip(reached, ill, strict=True))


# The last state of each of two exposures (1 never, 2 current, 3 past), and the one in which the outcome is met, if it is.
_VARYING = crossed("123", "123", "-123", "-123", but=_not_yet)


def _varying(sizes: Sizes) -> list[ResultRow]:
    lines = [tally(sizes, "outcomes", {}, those((2, "123")))]
    for at, name in enumerate(_NAMES):
        for sign, state, through in (("1", "never", "123"), ("2", "current", "23"), ("3", "past", "3")):
            lines.append(tally(sizes, f"states/{name}", {"state": state}, those((at, through))))
            lines.append(tally(sizes, f"events/{name}", {"state": state}, those((at + 2, sign))))
    inputs = {"exposures": list(_NAMES), "covariates": []}
    rates = written(asked("begun", name="rates", type="incidence_rate", inputs=inputs), lines)
    everybody = count("attrition", "attrition", {"step": "01 in the cohort"}, "all", "n", reference(sizes, anybody))
    told = [item for item in rates if item.statistic in COUNTED]
    return [*written(asked("begun", inputs=inputs), lines), *told, everybody]


def _sequences(sizes: Sizes) -> list[ResultRow]:
    lines = [
        tally(sizes, "persons", {"share": told}, those((0, sign)))
        for sign, told in (("t", "train"), ("u", "tuning"), ("h", "held_out"))
    ]
    found = [item for item in written(asked("sequences"), lines) if item.statistic == "n"]
    everybody = count("attrition", "attrition", {"step": "01 in the cohort"}, "all", "n", reference(sizes, anybody))
    return [*found, everybody]


# ------------------------------------------------------------------------------------------------- comparisons by score


_OVERLAP = crossed("tc", "012")  # the arm, and the bin of the score


def _overlap(sizes: Sizes) -> list[ResultRow]:
    """Bins of the score with their shares, as ``score_balance.overlap_rows`` tells them, beside the arms' persons."""
    found = []
    for sign, arm in (("t", "target"), ("c", "comparator")):
        whole = reference(sizes, those((0, sign)))
        found.append(count("incidence", "rate", {"outcome": "stay"}, arm, "persons", whole))
        for bin_ in "012":
            n, _ = reference(sizes, those((0, sign), (1, bin_)))
            key = {"bin": f"0.{bin_}0-0.{int(bin_) + 1}0"}
            found.append(count("score_overlap", "score_overlap", key, arm, "n", (n, "")))
            if whole[0]:
                found.append(row("score_overlap", "score_overlap", key, arm, "percent", 100 * n / whole[0], n))
    return found


COUNTED = frozenset({"n", "persons", "events", "cases", "controls"})
SUBMISSIONS: Sequence[Submission] = (
    Submission("target trials", _TRIALS, _target_trials),
    Submission("risks of two trials", _BY_A_DAY, _risks),
    Submission("environment", _PLACES, _environment),
    Submission("prediction", _PREDICTED, _prediction),
    Submission("case series", _SERIES, _series),
    Submission("case-crossover", _CROSSED, _crossover),
    Submission("case-crossover of a cohort", _BESIDE, partial(_crossover, cohort="patients")),
    Submission("nested, siblings adjusted", _NESTED, partial(_nested, siblings="adjusted")),
    Submission("nested, siblings excluded", _NESTED, partial(_nested, siblings="excluded")),
    Submission("time-varying exposure", _VARYING, _varying),
    Submission("sequences", ("t", "u", "h"), _sequences),
    Submission("overlap of scores", _OVERLAP, _overlap),
)
