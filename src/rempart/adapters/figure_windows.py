# SPDX-License-Identifier: Apache-2.0
"""Windows around a study's day 0 that several designs share: who enters, covariates, follow-up. From its canonical form alone; no data.

A window is of whole days, both ends included; an end that is not there is open: as far as the data go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.adapters.figure_words import Words

Body = Mapping[str, Any]
ENTRY, COVARIATE, EXPOSURE, REFERENCE, FOLLOW = "entry", "covariate", "exposure", "reference", "follow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """``kind``: what it is for (its heading and colour); ``first``, ``last``: days, None where open; ``note``: beside the days, as which
    events end it."""

    kind: str
    label: str
    first: int | None
    last: int | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """One diagram. ``title``: what is compared; ``zero``: what day 0 is; ``notes``: what no window can show; ``analyses``: ids of those it
    tells of."""

    title: str
    zero: str
    windows: tuple[Window, ...]
    notes: tuple[str, ...] = ()
    analyses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One analysis of a study, and the words to tell it in."""

    study: Body
    item: Body
    words: Words

    @property
    def inputs(self) -> Body:
        """The names that the analysis gives."""
        inputs: Body = self.item["inputs"]
        return inputs

    @property
    def asked(self) -> Body:
        """Its parameters."""
        asked: Body = self.item.get("parameters", {})
        return asked

    @property
    def protocol(self) -> Body:
        """The study's protocol."""
        protocol: Body = self.study["protocol"]
        return protocol

    def say(self, word: str, **values: object) -> str:
        """A sentence of the diagrams."""
        return self.words.of_type("design", word).format(**values)

    def named(self, *names: str) -> str:
        """Names of the study file, to read."""
        return ", ".join(self.words.say(self._plainly(name)).replace("_", " ") for name in names)

    def _plainly(self, name: str) -> str:
        """The side of the cases of a matched cohort by the cohort that they come from."""
        match = self.study.get("cohorts", {}).get(name.removesuffix("_cases"), {}).get("match")
        return str(match["to"]) if match and name.endswith("_cases") else name

    def drug(self, exposure: str) -> str:
        """An exposure by its code list."""
        return self.named(self.study["exposures"].get(exposure, {}).get("codes", exposure))

    @property
    def outcome(self) -> str:
        """Its outcome, to read; '' where it has none."""
        return self.named(self.inputs["outcome"]) if "outcome" in self.inputs else ""


def before(told: Told, cohort: Body, *, washout: str) -> Iterator[Window]:
    """What the rules of a cohort read: observation, washout (``washout``: its label), age, demands and exclusions."""
    if cohort.get("prior_observation_days"):
        yield Window(kind=ENTRY, label=told.say("observed"), first=-cohort["prior_observation_days"], last=0)
    if washout and cohort.get("washout_days"):
        yield Window(kind=ENTRY, label=washout, first=-cohort["washout_days"], last=-1)
    if cohort.get("age"):
        low, high = cohort["age"]
        yield Window(kind=ENTRY, label=told.say("aged", low=low, high=high), first=0, last=0)
    for key in ("include", "exclude"):
        for rule in cohort.get(key, ()):
            yield from _rule(told, rule, "with" if key == "include" else "without")


def _rule(told: Told, rule: Body, form: str) -> Iterator[Window]:
    """A demand of a cohort by its name, or by the codes that it reads; one window for each that it is made of."""
    parts = [part for kind in ("all", "any", "at_least", "at_most") for part in rule.get(kind, ())]
    if parts:
        for part in parts:
            yield from _rule(told, {"name": rule.get("name", ""), **part}, form)
        return
    name = rule.get("name") or rule.get("codes") or rule.get("cohort") or rule.get("domain", "")
    own = told.named(name) if form == "with" else told.say("excluded", what=told.named(name))
    label = own if rule.get("name") else told.say(form, what=told.named(name))
    first, last = rule.get("days") or (None, 0)
    if rule.get("relative_to", "index") != "index":
        first, last = None, 0
    yield Window(kind=ENTRY, label=label, first=first, last=last)


def covariates(told: Told) -> Iterator[Window]:
    """Covariates of the analysis, or of the one that adjusts for the same comparison; those read on the same days together."""
    names = told.inputs.get("covariates") or _adjusted(told)
    by_days: dict[tuple[int | None, int | None], list[str]] = {}
    for name in names:
        covariate = told.study["covariates"].get(name, {})
        days = covariate.get("days", (None, 0)) if covariate.get("type") == "history" else (0, 0)
        by_days.setdefault((days[0], days[1]), []).append(name)
    for (first, last), together in sorted(by_days.items(), key=lambda each: (each[0][0] is not None, each[0][0] or 0)):
        yield Window(kind=COVARIATE, label=told.named(*together), first=first, last=last)
    yield from _features(told)


def _features(told: Told) -> Iterator[Window]:
    """What persons did before, by the windows of each set of features that the analysis names."""
    for name in told.inputs.get("features", ()):
        feature = told.study.get("features", {}).get(name, {})
        lengths: list[int | None] = [*feature.get("days", ()), *([None] if feature.get("ever") else [])]
        label = told.say("features", name=told.named(name))
        for days in lengths:
            first = None if days is None else -days
            yield Window(kind=COVARIATE, label=label, first=first, last=int(feature.get("until", -1)))


def _adjusted(told: Told) -> Sequence[str]:
    """Covariates of the other analyses of the same inputs."""
    own = {name: value for name, value in told.inputs.items() if name != "covariates"}
    for item in told.study["analyses"]:
        inputs = item["inputs"]
        if inputs.get("covariates") and own == {name: value for name, value in inputs.items() if name != "covariates"}:
            return list(inputs["covariates"])
    return ()


def followed(told: Told) -> Iterator[Window]:
    """The lag, and the days on which an outcome counts."""
    lag, days = told.protocol.get("lag_days", 0), told.protocol.get("follow_up_days")
    if lag:
        yield Window(kind=REFERENCE, label=told.say("lag"), first=0, last=lag)
    ends = [told.say("end_outcome")] + ([told.say("end_death")] if told.protocol.get("death") != "ignore" else [])
    if told.protocol.get("estimand") == "on-treatment":
        grace = told.protocol.get("grace_days", 0)
        ends.append(told.say("end_grace" if grace else "end_treatment", days=grace))
    note = told.say("until", ends=", ".join([*ends, told.say("end_observation")]))
    label = told.say("follow_of", outcome=told.outcome) if told.outcome else told.say("follow")
    yield Window(kind=FOLLOW, label=label, first=lag + 1, last=days, note=note)


def of_cohort(told: Told, name: str) -> list[Window]:
    """Windows of a rule cohort, or of the cohort that gave the cases of a matched one."""
    cohorts = told.study["cohorts"]
    cohort = cohorts.get(name) or cohorts.get(name.removesuffix("_cases"), {})
    if "match" in cohort:
        cohort = cohorts.get(cohort["match"]["to" if name.endswith("_cases") else "from"], {})
    return list(before(told, cohort, washout=told.say("no_such")))


def matched(told: Told, name: str) -> Iterator[str]:
    """How controls were matched, where the cohort is a matched one."""
    match = told.study["cohorts"].get(name, {}).get("match")
    if match:
        on = ", ".join(told.say(f"on_{each}") for each in match["on"]) or told.say("on_day")
        yield told.say("matched", ratio=match["ratio"], on=on)
