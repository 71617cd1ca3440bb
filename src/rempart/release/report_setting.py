# SPDX-License-Identifier: Apache-2.0
"""What a study's protocol sets for its analyses, in words: those of its keys that something reads, each analysis' own effect, and the grace
that holds.

Reads a study in canonical form; checks nothing and counts nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rempart.records.design_target_trial import ATTRITION, PROTOCOL, SEQUENTIAL_HOW, TARGET_TRIAL_DESIGN
from rempart.records.designs import DESIGN_FORMS
from rempart.records.protocol import DESIGNS
from rempart.release.report_words import Speaker

Study = Mapping[str, Any]


def setting_lines(study: Study, speaker: Speaker, *, estimand: bool) -> Iterator[tuple[str, str]]:
    """(key, value) of the protocol's setting. ``estimand``: whether an analysis reads the protocol's."""
    protocol, read = study["protocol"], _read(study)
    keys = ("period", *(("estimand",) if estimand else ()), *(key for key in _DAYS if key in read or protocol.get(key)))
    yield from ((speaker.key(key), speaker.value(protocol[key], key)) for key in keys if key in protocol)
    if effects := _effects(study, speaker):
        yield speaker.say("effects"), effects
    if graces := _listed(dict(_graces(study)), speaker):
        yield speaker.say("graces"), graces
    yield from (
        (speaker.key(key), speaker.value(protocol[key], key)) for key in ("death", "same_day_order") if key in protocol
    )


_DAYS = ("lag_days", "follow_up_days")


def parameters_told(study: Study, item: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an analysis that act: a trial by cloning has no clock, no sequence, and the effect of keeping to its strategies."""
    asked = dict(item.get("parameters", {}))
    if not _cloned(item):
        return asked
    return {name: value for name, value in asked.items() if name not in SEQUENTIAL_HOW}


def _read(study: Study) -> set[str]:
    """Keys of the protocol that the designs asked for read."""
    designs = {item["design"] for item in study.get("analyses", ())}
    found = {key for name in designs & set(DESIGN_FORMS) for key in DESIGN_FORMS[name].protocol}
    return found | set(_DAYS) if designs & set(DESIGNS) else found


def _cloned(item: Mapping[str, Any]) -> bool:
    return item["design"] == TARGET_TRIAL_DESIGN and "exposure" not in item["inputs"]


def _effects(study: Study, speaker: Speaker) -> str:
    """What each analysis that says it estimates: an effect of starting, or of keeping to a strategy."""
    told = {
        item["id"]: PROTOCOL if _cloned(item) else item["parameters"]["effect"]
        for item in study.get("analyses", ())
        if item["type"] != ATTRITION
        and (_cloned(item) or (item["design"] == TARGET_TRIAL_DESIGN and "effect" in item.get("parameters", {})))
    }
    ids: dict[str, list[str]] = {}
    for name, effect in told.items():
        ids.setdefault(effect, []).append(name)
    return " · ".join(
        f"{', '.join(names)}{speaker.say('colon')} {speaker.word(effect)}" for effect, names in ids.items()
    )


def _graces(study: Study) -> Iterator[tuple[str, int]]:
    """(exposure or cohort, days) of whatever ends with a treatment: the exposure's own grace where it is the longer (docs/cohorts.md)."""
    protocol, exposures = study["protocol"], study.get("exposures", {})
    for item in study.get("analyses", ()):
        inputs = item["inputs"]
        if item["design"] in DESIGNS and protocol.get("estimand") == "on-treatment":
            for name in (inputs["target"], inputs["comparator"]):
                if not exposures[name].get("non_users"):
                    yield name, max(_own(study, name), int(protocol.get("grace_days", 0)))
        elif item.get("parameters", {}).get("effect") == PROTOCOL and "exposure" in inputs:
            yield inputs["exposure"], _own(study, inputs["exposure"])
    for name, cohort in study.get("cohorts", {}).items():
        if (days := _of_exit(study, cohort)) is not None:
            yield name, days


def _own(study: Study, exposure: str) -> int:
    """The grace of an exposure's periods; 0 where it has none."""
    told = study.get("exposures", {}).get(exposure, {})
    return int(told.get("grace_days", 0)) if "supply" in told else 0


def _of_exit(study: Study, cohort: Mapping[str, Any]) -> int | None:
    """Of a cohort that ends with an exposure: the longer of both graces."""
    left = cohort.get("exit")
    if not isinstance(left, Mapping) or "exposure" not in left:
        return None
    return max(_own(study, str(left["exposure"])), int(left.get("grace_days", 0)))


def cohorts_told(study: Study) -> dict[str, Any]:
    """The cohorts, an exit with the grace that holds in place of the shorter one that the file writes."""
    return {
        name: {**cohort, "exit": {**cohort["exit"], "grace_days": days}}
        if (days := _of_exit(study, cohort)) is not None
        else cohort
        for name, cohort in study.get("cohorts", {}).items()
    }


def _listed(days: Mapping[str, int], speaker: Speaker) -> str:
    """One number where all have it, else each by its name."""
    if len(set(days.values())) == 1:
        return speaker.value(next(iter(days.values())))
    return " · ".join(f"{speaker.name(name)}{speaker.say('colon')} {each}" for name, each in days.items())
