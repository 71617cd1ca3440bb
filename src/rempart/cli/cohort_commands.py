# SPDX-License-Identifier: Apache-2.0
"""Commands about cohort definitions that come from ATLAS."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.session import Session

if TYPE_CHECKING:
    from rempart.cli.voice import Voice
    from rempart.journeys.cohorts import Made


def run(
    session: Session,
    /,
    *definitions: Path,
    omop: Path | None = None,
    schema: str = "",
    rows: Path | None = None,
    threads: int | None = None,
    memory: str | None = None,
) -> int:
    """Make the cohorts of ATLAS definitions on an unsealed OMOP file."""
    from rempart.adapters.machine import size_of
    from rempart.wiring.cohorts import run_cohorts

    voice = session.voice
    limit = size_of(memory) if memory else None
    with voice.bars() as bars:
        made = run_cohorts(
            definitions, omop=omop, schema=schema, rows=rows, threads=threads, memory=limit, progress=bars
        )
    voice.table(
        ["column-cohort", "column-persons", "column-periods"], [(one.name, one.persons, one.periods) for one in made]
    )
    for one in made:
        _show_report(voice, one)
    for one in made:
        if one.empty and not voice.as_json:
            voice.warn(voice.word("cohort-empty-sets", cohort=one.name, sets=", ".join(map(str, one.empty))))
    if rows:
        voice.say("cohort-rows-written", file=str(rows), rows=sum(one.periods for one in made))
    voice.result("cohort-run", {"cohorts": [asdict(one) for one in made], "rows": str(rows) if rows else None})
    return 0


def _show_report(voice: "Voice", made: "Made") -> None:
    """Who came in, who stayed after each rule, who is left: persons."""
    if not made.steps:
        return
    voice.plain()
    voice.say("cohort-report", cohort=made.name)
    steps = dict(made.steps)
    last = steps.pop("cohort")
    told: list[tuple[str, int | str, int, int | str]] = [
        (voice.word(f"cohort-step-{step}"), "", persons, "") for step, persons in steps.items()
    ]
    told += [(_printable(rule.name), rule.persons, rule.remaining, rule.missed) for rule in made.rules]
    told.append((voice.word("cohort-step-cohort"), "", last, ""))
    voice.table(["column-step", "column-meet", "column-remaining", "column-missed"], told)


def _printable(text: str) -> str:
    """A name out of a file, so that nothing in it reaches the terminal as a command or a new line."""
    return "".join(mark if mark.isprintable() else " " for mark in text)
