# SPDX-License-Identifier: Apache-2.0
"""The protocol's sections, in the order of HARPER: what the author wrote, and beside it the tables that the study file itself gives.

Reads a study in canonical form; checks nothing and counts nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.release.report_blocks import Block, Section, absent, facts, note, table, text
from rempart.release.report_setting import cohorts_told, parameters_told, setting_lines
from rempart.release.report_words import Speaker

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CHAPTERS = ("limitations", "protection", "adverse_events", "dissemination")
_QUESTION = ("cohort", "cohorts", "target", "exposure", "exposures", "comparator", "outcome", "outcomes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A frozen version of the protocol. ``leaf``: its place in the ledger; ``title``: as it was then; ``amendment``: what the version
    says it changes, empty in the first."""

    study: str
    time: str
    leaf: int
    title: str = ""
    amendment: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A study and what the warehouse adds. ``times``: whom, analyses, time zero, sources that end follow-up; ``reads``: table, columns;
    ``versions``: oldest first; ``others``: frozen under the same permit, no version of this one; ``diagrams``: SVG of each design;
    ``estimand``: whether an analysis reads the protocol's."""

    study: Mapping[str, Any]
    speaker: Speaker
    times: Sequence[Sequence[str]] = ()
    reads: Sequence[Sequence[str]] = ()
    versions: Sequence[Version] = ()
    others: Sequence[Version] = ()
    diagrams: Sequence[str] = ()
    estimand: bool = True

    @property
    def harper(self) -> Mapping[str, Any]:
        """The author's text."""
        return dict(self.study["protocol"].get("harper", {}))

    def say(self, word: str, /, **facts: object) -> str:
        """A word of the report."""
        return self.speaker.say(word, **facts)

    def section(
        self, name: str, *made: Block, level: int = 1, texts: Sequence[str] = (), asked: bool = True
    ) -> Section:
        """A section of the author's ``texts`` (its own name without any), then what was ``made`` of the study. ``asked``: said to be
        missing where the author wrote nothing."""
        keys = texts or (name,)
        heads = {key: self.say(f"about_{key}") if len(keys) > 1 else "" for key in keys}
        written = [text(self.harper[key], about=heads[key]) for key in keys if key in self.harper]
        blocks = (*written, *made)
        lacks = asked and not written
        if lacks:
            keyed = ", ".join(f"protocol.harper.{key}" for key in keys)
            blocks = (absent(self.say("absent", keys=keyed)), *blocks)
        return Section(name=name, title=self.say(name), level=level, blocks=blocks, written=bool(written or made))


def protocol_sections(told: Protocol) -> Iterator[Section]:
    """Every section of the protocol, in order."""
    yield told.section("abstract")
    yield Section(name="amendments", title=told.say("amendments"), blocks=tuple(_amendments(told)))
    yield _milestones(told)
    yield told.section("background", texts=("background", "rationale"))
    yield Section(name="question", title=told.say("question"), blocks=tuple(_question(told)))
    yield Section(name="methods", title=told.say("methods"))
    yield from _methods(told)
    for name in _CHAPTERS:
        yield told.section(name)
    if "other" in told.harper:
        yield told.section("other")
    if references := told.harper.get("references"):
        lines = (Block(kind="list", lines=tuple(references)),)
        yield Section(name="references", title=told.say("references"), blocks=lines)


def _amendments(told: Protocol) -> Iterator[Block]:
    if not told.versions:
        yield note(told.say("not_frozen"))
    else:
        yield table(
            [told.say(word) for word in ("version", "frozen_on", "study_id", "reason")],
            [
                (str(place), _when(one.time), one.study, _reason(told, one))
                for place, one in enumerate(told.versions, 1)
            ],
            widths=(1, 3, 6, 6),
        )
        yield note(told.say("frozen_note"))
    if told.others:
        yield table(
            [told.say(word) for word in ("frozen_on", "study_id", "title")],
            [(_when(one.time), one.study, one.title) for one in told.others],
            caption=told.say("others"),
            widths=(3, 6, 6),
        )


def _reason(told: Protocol, version: Version) -> str:
    made = version.amendment
    if made is None:
        return told.say("first_version")
    sections = f" ({', '.join(made['sections'])})" if made.get("sections") else ""
    return f"{made['date']}{told.say('colon')} {made['reason']}{sections}"


def _when(instant: str) -> str:
    return instant[:16].replace("T", " ") + " UTC"


def _milestones(told: Protocol) -> Section:
    head = [told.say(word) for word in ("milestone", "planned", "reached")]
    lines = [(item["what"], item["planned"], item.get("reached", "–")) for item in told.harper.get("milestones", ())]
    if told.versions:
        lines.insert(0, (told.say("frozen_first"), "–", told.versions[0].time[:10]))
    made = [table(head, lines, widths=(6, 2, 2))] if lines else []
    gap = () if told.harper.get("milestones") else (absent(told.say("absent", keys="protocol.harper.milestones")),)
    return Section(name="milestones", title=told.say("milestones"), blocks=(*gap, *made), written=bool(lines))


def _question(told: Protocol) -> Iterator[Block]:
    speaker = told.speaker
    yield text(told.study["protocol"]["question"])
    objectives = told.harper.get("objectives", ())
    if objectives:
        yield table(
            [told.say(word) for word in ("rank", "objective", "hypothesis", "analyses")],
            [
                (
                    speaker.name(item["rank"]),
                    item["text"],
                    item.get("hypothesis", "–"),
                    ", ".join(item.get("analyses", ())),
                )
                for item in objectives
            ],
            caption=told.say("objectives"),
            widths=(2, 6, 4, 3),
        )
    else:
        yield absent(told.say("absent", keys="protocol.harper.objectives"))
    found: dict[tuple[str, ...], list[str]] = {}
    for item in told.study["analyses"]:
        inputs = item["inputs"]
        parts = [speaker.named(inputs[key]) for key in _QUESTION if key in inputs]
        key = tuple(
            _role(told, inputs, roles) for roles in (_QUESTION[:2], _QUESTION[2:5], _QUESTION[5:6], _QUESTION[6:])
        )
        if parts:
            found.setdefault(key, []).append(item["id"])
    yield table(
        [told.say(word) for word in ("population", "exposure_role", "comparator", "outcome_role", "analyses")],
        [(*key, ", ".join(ids)) for key, ids in found.items()],
        caption=told.say("compared"),
        widths=(3, 3, 3, 3, 4),
    )


def _role(told: Protocol, inputs: Mapping[str, Any], keys: Sequence[str]) -> str:
    """What stands for a role; an exposure by its code list."""
    exposures = told.study.get("exposures", {})
    named = [name for key in keys for name in _listed(inputs.get(key))]
    return (
        ", ".join(told.speaker.name(name if name not in exposures else exposures[name]["codes"]) for name in named)
        or "–"
    )


def _listed(value: object) -> list[str]:
    return (
        [value] if isinstance(value, str) else [str(item) for item in value] if isinstance(value, list | tuple) else []
    )


def _methods(told: Protocol) -> Iterator[Section]:
    study = told.study
    designs = dict.fromkeys(told.speaker.word(item["design"]) for item in study["analyses"])
    yield told.section("design", facts([(told.say("designs"), " · ".join(designs))]), level=2)
    drawn = [
        Block(kind="figure", svg=svg, spoken=told.say("diagram_spoken"), caption=told.say("diagram_caption", number=at))
        for at, svg in enumerate(told.diagrams, 1)
    ]
    blocks = tuple(drawn) or (note(told.say("no_diagram")),)
    yield Section(name="diagram", title=told.say("diagram"), level=2, blocks=blocks, written=bool(drawn))
    given = setting_lines(study, told.speaker, estimand=told.estimand)
    yield told.section("setting", facts([(told.say("permit"), study["permit"]), *given]), level=2)
    head = [told.say(word) for word in ("of_whom", "analyses", "zero", "ends")]
    zero = [table(head, [_asked(told, line) for line in told.times], widths=(5, 3, 4, 3))]
    yield told.section("time_zero", *(zero if told.times else ()), level=2)
    cohorts = _definitions(told, cohorts_told(study))
    yield told.section("eligibility", *cohorts, level=2, texts=("inclusion", "exclusion"))
    for name, key in (("exposure", "exposures"), ("outcomes", "outcomes"), ("covariates", "covariates")):
        yield told.section(name, *_definitions(told, study.get(key, {})), level=2)
    yield told.section("follow_up", level=2)
    reads = [table([told.say("table"), told.say("columns")], told.reads, caption=told.say("reads"), widths=(1, 3))]
    yield told.section("data_sources", *(reads if told.reads else ()), level=2)
    yield told.section("data_management", note(told.say("management")), level=2, asked=False)
    yield told.section("bias", level=2)
    yield told.section("study_size", level=2)
    yield told.section("analysis", _analyses(told), level=2, texts=("analysis", "sensitivity", "missing_data"))
    yield told.section("quality_control", note(told.say("control")), level=2, asked=False)


def _asked(told: Protocol, line: Sequence[str]) -> tuple[str, ...]:
    """A question with the names of the study as they are read; sources are acronyms."""
    whom, analyses, zero, sources = line
    return _NAME.sub(lambda found: told.speaker.name(found.group()), whom), analyses, zero, sources.upper()


def _definitions(told: Protocol, named: Mapping[str, Any]) -> list[Block]:
    """Each definition by its name: what a key says, a line each."""
    lines = []
    for name, value in named.items():
        label = told.speaker.name(name)
        for key, said in told.speaker.definition(value if isinstance(value, Mapping) else {"any": value}):
            lines.append((label, key, said))
            label = ""
    head = [told.say(word) for word in ("name", "rule", "definition")]
    return [table(head, lines, widths=(2, 3, 6))] if lines else []


def _analyses(told: Protocol) -> Block:
    speaker = told.speaker
    lines = [
        (
            item["id"],
            speaker.word(item["type"]),
            speaker.value({key: value for key, value in item["inputs"].items() if value not in ([], ())}),
            speaker.value(parameters_told(told.study, item), "parameters") or "–",
        )
        for item in told.study["analyses"]
    ]
    return table([told.say(word) for word in ("id", "what", "inputs", "parameters")], lines, widths=(2, 3, 6, 3))
