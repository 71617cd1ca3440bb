# SPDX-License-Identifier: Apache-2.0
"""What a protocol says that no other part of the study file says: HARPER's sections as keys, and the amendments, as data.

Population, exposures, outcomes, code lists and analyses stand in the file already and are never written here a second time: the report
makes those tables from them (release/report.py). Source: Wang SV et al., HARPER, Pharmacoepidemiol Drug Saf 2023;32:44-55 (ISPE/ISPOR).
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rempart.records.fields import Fields
from rempart.records.form_reading import take
from rempart.records.forms import Choice, Day, Inside, Rows, Table, Text, Texts, key

HASH = Text(pattern=r"sha256:[0-9a-f]{64}", expected="sha256: and 64 hex digits")
RANKS = ("primary", "secondary", "exploratory")

AMENDMENT = Table(
    name="amendment",
    about="A change to a frozen protocol. Each names the version that it changes, so that the versions are one chain.",
    keys={
        "amends": key(HASH, "the id of the study as it was frozen before this change", required=True),
        "date": key(Day(), "the day of the decision", required=True),
        "reason": key(Text(), "why, in a sentence", required=True),
        "sections": key(Texts(), "what was changed, in words", default=()),
    },
)
AUTHOR = Table(
    name="author",
    about="Who answers for the protocol.",
    keys={
        "name": key(Text(), "the name", required=True),
        "affiliation": key(Text(), "where they work"),
        "role": key(Text(), "principal investigator, statistician, …"),
    },
)
MILESTONE = Table(
    name="milestone",
    about="A date that the study has to hold.",
    keys={
        "what": key(Text(), "protocol registered, end of data collection, final report, …", required=True),
        "planned": key(Day(), "the planned day", required=True),
        "reached": key(Day(), "the day it was reached"),
    },
)
OBJECTIVE = Table(
    name="objective",
    about="One objective; population, exposures, outcome and time of its analyses are taken from the file.",
    keys={
        "text": key(Text(), "to estimate …", required=True),
        "rank": key(Choice(RANKS), "its rank", default="primary"),
        "hypothesis": key(Text(), "the hypothesis, where there is one"),
        "analyses": key(Texts(), "ids of the analyses that answer it", default=()),
    },
)
SECTIONS: Mapping[str, str] = {  # key → what stands there, in the order of HARPER
    "abstract": "the protocol in a page: rationale, question, methods, size, milestones",
    "background": "what is known of the disease, the treatment and the effect in question, and what is not",
    "rationale": "what this study adds, and for which decision",
    "design": "why this design and this comparison answer the question",
    "setting": "the health system, who is covered, where and when care was given",
    "time_zero": "why time zero is that day, and how it meets eligibility, start of treatment and start of follow-up",
    "inclusion": "why persons enter",
    "exclusion": "why persons are left out",
    "exposure": "how the exposure is defined and why: codes, days of supply, gaps, lag",
    "outcomes": "how outcomes are defined and what is known of their validity",
    "follow_up": "why follow-up begins and ends there",
    "covariates": "why these covariates: a causal diagram in words, and what is not measured",
    "bias": "confounding by indication, immortal time, protopathic bias, selection, misclassification: what was done about each",
    "study_size": "expected persons and events, precision or power",
    "data_sources": "why these data fit the purpose; their origin, coverage, linkage and known limits",
    "data_management": "how data are delivered, cleaned, stored and kept, beyond what the warehouse proves",
    "analysis": "the plan of analysis in words: estimand, model, assumptions and how they are checked",
    "sensitivity": "which analyses question which assumption",
    "missing_data": "what may be missing and how it is dealt with",
    "quality_control": "programs reviewed, results reproduced, by whom",
    "limitations": "what the study cannot tell",
    "protection": "ethics, legal basis, information of persons, opposition",
    "adverse_events": "reporting of adverse events; for secondary use of data usually in aggregate only",
    "dissemination": "how and where results are made public, whatever they are",
    "other": "what has no other place",
}
HARPER = Table(
    name="harper",
    about="The protocol's text, by section; every key is optional. A blank line begins a new paragraph.",
    keys={
        "version": key(Text(), "version of the protocol"),
        "date": key(Day(), "day of this version"),
        "registration": key(Text(), "number and place of registration (HMA-EMA catalogue, ClinicalTrials.gov, OSF)"),
        "sponsor": key(Text(), "who asks for the study"),
        "funding": key(Text(), "who pays"),
        "interests": key(Text(), "declared interests"),
        "keywords": key(Texts(), "keywords", default=()),
        "authors": key(Rows(AUTHOR), "who answers for it"),
        "milestones": key(Rows(MILESTONE), "dates that the study has to hold"),
        "objectives": key(Rows(OBJECTIVE), "objectives, each with the analyses that answer it"),
        **{name: key(Text(), about) for name, about in SECTIONS.items()},
        "references": key(Texts(), "publications cited", default=()),
    },
)
HARPER_KEYS = {
    "harper": key(Inside(HARPER), "the protocol's text, section by section"),
    "amendments": key(Rows(AMENDMENT), "changes to a frozen protocol, oldest first"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """``amends``: id of the study as it was frozen before."""

    amends: str
    date: datetime.date
    reason: str
    sections: tuple[str, ...] = ()


def read_harper(given: Fields | None) -> dict[str, Any] | None:
    """The text of a protocol as plain values, without what is absent; None where the file has none."""
    if given is None:
        return None
    told = take(given, HARPER)
    inner = {"authors": AUTHOR, "milestones": MILESTONE, "objectives": OBJECTIVE}
    for name, table in inner.items():
        told[name] = [_present(take(item, table)) for item in told[name]]
    return _present(told) or None


def _present(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None and value != () and value != []}


def read_amendments(given: Fields, rows: list[Fields]) -> tuple[Amendment, ...]:
    """The amendments; BadInput ``study-field`` where their days run backwards or a version is changed twice."""
    found = tuple(Amendment(**take(item, AMENDMENT)) for item in rows)
    for place, (before, after) in enumerate(pairwise(found), 2):
        if after.date < before.date:
            raise given.wrong("amendments", "oldest first: no date before that of the amendment above", item=place)
        if after.amends in {item.amends for item in found[: place - 1]}:
            raise given.wrong("amendments", "each version once: two amendments of one version are no chain", item=place)
    return found


def check_objectives(top: Fields) -> None:
    """Of a whole file: raises BadInput ``study-field`` where an objective names an analysis that it does not ask for."""
    analyses = [item.get("id") for item in _tables(top.raw("analyses"))]
    for place, item in enumerate(_tables(top.table("protocol").table("harper").raw("objectives")), 1):
        named = item.get("analyses", ())
        for name in named if isinstance(named, list | tuple) else ():
            if name not in analyses:
                told = ", ".join(map(str, analyses))
                raise top.wrong("protocol.harper.objectives", f"ids of analyses of this file: {told}", item=place)


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []
