# SPDX-License-Identifier: Apache-2.0
"""A study's report as one document: title page, protocol, results, checklist, code lists, versions, proofs. Made of checked tables alone.

Interprets no figure; renders nothing: adapters make HTML and PDF of the same blocks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rempart.errors import Refused
from rempart.records.result import CheckedTable
from rempart.release.labels import reader_labels, sides_of_cases
from rempart.release.reader_table import Reader
from rempart.release.report_annexes import annexes
from rempart.release.report_blocks import Report, Section, note, numbered
from rempart.release.report_protocol import Protocol, Version, protocol_sections
from rempart.release.report_results import OVERVIEW, Shown
from rempart.release.report_words import Speaker
from rempart.release.subjects import subjects

State = Literal["protocol", "synthetic", "unreleased", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a report is made of. ``study``: in canonical form, ``study_id`` its content id; ``state``: ``protocol`` (no run),
    ``synthetic``, ``unreleased`` (a run whose results two checkers have not let out: none is shown), ``released``. ``figures``: file
    name → SVG, drawn from ``tables``; ``diagrams``: SVG of each design; ``estimand``: whether an analysis reads the protocol's;
    ``facts``: of the run, name in the words → value; ``leaves``: index, kind, time and hash of ledger leaves."""

    study: Mapping[str, Any]
    study_id: str
    state: State
    tables: Sequence[CheckedTable] = ()
    figures: Mapping[str, bytes] = field(default_factory=dict)
    diagrams: Sequence[str] = ()
    estimand: bool = True
    times: Sequence[Sequence[str]] = ()
    reads: Sequence[Sequence[str]] = ()
    lists: Sequence[tuple[str, str, int, str]] = ()
    versions: Sequence[Version] = ()
    others: Sequence[Version] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    leaves: Sequence[tuple[int, str, str, str]] = ()
    checkpoint: str = ""
    software: Sequence[tuple[str, str]] = ()


def report(
    told: Told, language: str, *, words: Mapping[str, Any], own: Mapping[str, Any], items: Mapping[str, Any]
) -> Report:
    """The report in ``language``. ``words``: parsed ``words.toml``, ``own``: ``report.toml``, ``items``: ``record_pe.toml``.

    Raises Refused ``release-unchecked`` for anything that did not pass the disclosure rules, or that was not let out.
    """
    if told.tables and told.state not in {"synthetic", "released"}:
        raise Refused("release-unchecked")
    if any(row.status == "raw" for item in told.tables for row in item.rows):
        raise Refused("release-unchecked")
    labels = reader_labels(told.tables, study=told.study, words=words, language=language)
    speaker = Speaker(own=own, language=language, names=_names(told.study, labels, own["values"][language]))
    protocol = Protocol(
        study=told.study,
        speaker=speaker,
        times=told.times,
        reads=told.reads,
        versions=told.versions,
        others=told.others,
        diagrams=told.diagrams,
        estimand=told.estimand,
    )
    page = Section(name="title_page", title=speaker.say("title_page"), written=True)
    body = [*protocol_sections(protocol), *_results(told, speaker, words)]
    numbered_body = list(numbered(body))
    after = annexes(told, speaker, [page, *numbered_body], items, harper=protocol.harper)
    sections = numbered([*body, *after])
    return Report(
        language=language,
        title=str(told.study["protocol"]["title"]),
        kind=speaker.say(f"kind_{told.state}"),
        mark=str(own["mark"]) if told.state == "synthetic" else "",
        notice=speaker.say(f"notice_{told.state}", **_notice_facts(told)),
        facts=tuple(_title_facts(told, protocol)),
        sections=tuple(sections),
        words={key: str(value) for key, value in own["page"][language].items()},
    )


def _notice_facts(told: Told) -> dict[str, str]:
    names = ("persons", "seed", "release", "run", "release_state")
    return {name: told.facts.get(name, "–") for name in names}


def _names(study: Mapping[str, Any], labels: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Names that the study gave, without their underscores, where neither labels nor words have them."""
    kinds = ("codes", "populations", "cohorts", "exposures", "outcomes", "covariates", "features")
    named = (name for kind in kinds for name in study.get(kind, {}))
    plain = {name: name.replace("_", " ") for name in named if name not in known}
    return {**plain, **{name: to.replace("_", " ") for name, to in sides_of_cases(study).items()}, **labels}


def _title_facts(told: Told, protocol: Protocol) -> Iterator[tuple[str, str]]:
    say, harper = protocol.say, protocol.harper
    for author in harper.get("authors", ()):
        yield say("author"), ", ".join(str(author[key]) for key in ("name", "role", "affiliation") if key in author)
    for key in ("version", "date", "registration", "sponsor", "funding", "interests"):
        if key in harper:
            yield say(f"title_{key}"), str(harper[key])
    if harper.get("keywords"):
        yield say("keywords"), ", ".join(harper["keywords"])
    yield say("study_id"), told.study_id
    yield say("permit"), str(told.study["permit"])
    if told.versions:
        yield say("frozen_on"), told.versions[-1].time[:16].replace("T", " ") + " UTC"
    for name in ("run", "release", "made"):
        if told.facts.get(name):
            yield say(name), told.facts[name]


def _results(told: Told, speaker: Speaker, words: Mapping[str, Any]) -> Iterator[Section]:
    """Attrition first, then each output: of whom, its figure, its table."""
    if not told.tables:
        yield Section(
            name="results",
            title=speaker.say("results"),
            blocks=(note(speaker.say(f"no_results_{told.state}")),),
            written=False,
        )
        return
    yield Section(name="results", title=speaker.say("results"), blocks=(note(speaker.say("marker")),))
    labels = reader_labels(told.tables, study=told.study, words=words, language=speaker.language)
    reader = Reader(speaker.language, words, labels)
    about = subjects(told.tables, study=told.study, words=words, language=speaker.language)
    shown = Shown(told=told, speaker=speaker, reader=reader, words=words)
    for item in sorted(told.tables, key=lambda item: item.output_type != "attrition"):
        name = "attrition" if item.output_type == "attrition" else f"out:{item.output}"
        blocks = tuple(shown.output(item, about.get(item.output, "")))
        yield Section(name=name, title=reader.title(item.output) or item.output, level=2, blocks=blocks)
    if whole := tuple(shown.figures(OVERVIEW, reader.title(OVERVIEW), "")):
        yield Section(name=f"out:{OVERVIEW}", title=reader.title(OVERVIEW), level=2, blocks=whole)
