# SPDX-License-Identifier: Apache-2.0
"""How ``study check`` and ``study plan`` tell when each question of a study begins and what ends its follow-up. Judges nothing."""

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rempart.cli.voice import Voice

if TYPE_CHECKING:
    from rempart.cohort.study_times import Times
    from rempart.records.study import Study

# Words of the study file among the facts of a time zero that have a word in each language; the others are numbers and names.
_WORDED = {
    ("outcome", "death"),
    *(("which", limit) for limit in ("first", "last", "every")),
    *(("set", kind) for kind in ("union", "intersection", "difference")),
}
Ends = Mapping[str, datetime.date]


def show_times(voice: Voice, study: "Study", times: Sequence["Times"]) -> None:
    """Estimand where one is read, order of one day, and each comparison and cohort with time zero and the sources that end follow-up."""
    from rempart.records.protocol import SAME_DAY

    order = ", ".join(voice.word(f"same-day-{name}") for name in SAME_DAY)
    if estimand := _estimand(study):
        voice.say("times-study", estimand=estimand, order=order)
    else:
        voice.say("times-no-estimand", order=order)
    _table(voice, times, {})


def show_ends(voice: Voice, times: Sequence["Times"], ends: Ends) -> None:
    """The same with the days that a project's snapshot tells, and what of the period lies beyond them."""
    _table(voice, times, ends)
    if not ends:
        voice.say("times-no-ends")
    for asked in times:
        until = asked.until(ends)
        if until is not None and asked.last > until:
            days = (asked.last - until).days
            voice.say("times-beyond", whom=asked.whom, last=asked.last.isoformat(), until=until.isoformat(), days=days)


def _table(voice: Voice, times: Sequence["Times"], ends: Ends) -> None:
    rows = [
        (asked.whom, ", ".join(asked.analyses), zero_in_words(voice, asked), _sources(voice, asked.sources, ends))
        for asked in times
    ]
    voice.table(["column-whom", "column-analyses", "column-time-zero", "column-follow-up-ends"], rows)


def _sources(voice: Voice, sources: Sequence[str], ends: Ends) -> str:
    """The sources, the one that ends first by its day first."""
    told = sorted(sources, key=lambda name: (name not in ends, ends.get(name, datetime.date.max), name))
    listed = [f"{name} {ends[name].isoformat()}" if name in ends else name for name in told]
    return ("\n" if ends else ", ").join(listed) or voice.word("times-no-source")


def zero_in_words(voice: Voice, asked: "Times", *, plain: bool = False) -> str:
    """The kind of time zero; ``plain``: names of the study without their underscores, as a report has them."""
    facts = {
        name: voice.word(f"time-zero-{name}-{fact}") if (name, fact) in _WORDED else fact
        for name, fact in asked.facts.items()
    }
    if plain:
        facts = {name: str(fact).replace("_", " ") for name, fact in facts.items()}
    return voice.word(f"time-zero-{asked.zero}", **facts)


def times_told(times: Sequence["Times"], ends: Ends | None = None) -> list[dict[str, Any]]:
    """For ``--json``."""
    known, listed = ends or {}, list[dict[str, Any]]()
    for asked in times:
        until = asked.until(known)
        listed.append(
            {
                "of": asked.whom,
                "analyses": list(asked.analyses),
                "time_zero": {"kind": asked.zero, **asked.facts},
                "sources": list(asked.sources),
                "until": until.isoformat() if until else None,
                "days_beyond": max(0, (asked.last - until).days) if until else None,
            }
        )
    return listed


def protocol_told(study: "Study") -> dict[str, Any]:
    """For ``--json``."""
    from rempart.records.protocol import SAME_DAY

    return {"estimand": _estimand(study), "same_day_order": list(SAME_DAY)}


def _estimand(study: "Study") -> str | None:
    """None where no analysis reads it."""
    from rempart.records.study_idle import estimand_read

    asked = (study.analyses, study.descriptions, study.designs)
    return study.protocol.estimand if estimand_read(study, asked) else None
