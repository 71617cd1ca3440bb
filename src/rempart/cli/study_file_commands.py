# SPDX-License-Identifier: Apache-2.0
"""Commands about study files: begin one, bring in code lists, check all of it. None reads data; runs are in ``study_commands``."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rempart.cli.session import Session
from rempart.cli.study_lookback import all_before_told, show_all_before
from rempart.cli.study_times import protocol_told, show_times, times_told
from rempart.cli.voice import shown
from rempart.errors import BadInput, RempartError

if TYPE_CHECKING:
    from rempart.records.code_import import Imported
    from rempart.wiring.study_files import StudyFile

_SHOWN = 5


def new(session: Session, file: Path, /, *, template: str = "comparison", permit: str | None = None) -> int:
    """Write a study to begin with."""
    from rempart.wiring.study_new import new_study

    voice = session.voice
    schema = new_study(file, template=template, language=voice.language, permit=permit)
    voice.say("study-new", file=str(file), schema=schema.name)
    voice.say("study-new-next", file=str(file))
    voice.result("study-new", {"file": str(file), "schema": str(schema), "template": template})
    return 0


def codes(
    session: Session,
    file: Path,
    /,
    *,
    as_: str,
    system: str | None = None,
    column: str | None = None,
    set_: str | None = None,
    alone: bool = False,
    source: str | None = None,
    version: str | None = None,
    into: Path | None = None,
) -> int:
    """Bring a code list of others into a study."""
    from rempart.records.code_lists import FORMS
    from rempart.wiring.study_codes import Wanted, import_codes, put_into

    voice = session.voice
    if system is not None and system not in FORMS:
        raise BadInput("codes-unknown-system", given=system, expected=", ".join(FORMS))
    wanted = Wanted(
        name=as_, system=system, column=column, chosen=set_, alone=alone, source=source, version=version
    )  # fmt: skip
    made, block = import_codes(file, wanted)
    if into is not None:
        put_into(into, as_, block)
    else:
        voice.plain(block.rstrip("\n"))
    _tell(session, made)
    if into is not None:
        voice.say("codes-into", name=as_, file=str(into))
    told: dict[str, Any] = {
        "name": as_,
        "id": made.id,
        "system": made.codes.system,
        "include": list(made.codes.include),
    }
    told |= {"exclude": list(made.codes.exclude), "refused": {why: list(what) for why, what in made.refused.items()}}
    voice.result("study-codes", {**told, "rows": made.rows, "twice": made.twice, "toml": block})
    return 0


def _tell(session: Session, made: "Imported") -> None:
    """Counts and what was not taken, on standard error: what is to be pasted stands alone on standard output."""
    voice = session.voice
    if voice.as_json:
        return
    count = len(made.codes.include)
    voice.warn(voice.word("codes-taken", rows=made.rows, codes=count, system=made.codes.system, id=made.id[:19]))
    if made.column:
        voice.warn(voice.word("codes-column-used", column=made.column))
    if made.twice:
        voice.warn(voice.word("codes-twice", count=made.twice))
    for reason, what in made.refused.items():
        shown = ", ".join(text[:30] for text in what[:_SHOWN]) + ", …" * (len(what) > _SHOWN)
        voice.warn(voice.word(f"codes-refused-{reason}", count=len(what), system=made.codes.system, shown=shown))


def check(session: Session, file: Path, /, *, vocabulary: Path | None = None) -> int:
    """Say what a study file needs, or all that is wrong with it; 1 when its lists hold codes that the vocabulary has not.

    Raises last of all Refused ``cohort-not-yet-run``: what the file reads is said, whether or not this version runs it.
    """
    from rempart.records.cohort_future import all_days_before
    from rempart.wiring.study_check import file_fits, file_runs, needs, not_in_vocabulary, times_of
    from rempart.wiring.study_files import judge_study

    voice = session.voice
    found, problems = judge_study(file)
    if found is None:
        return _told(session, file, problems)
    study = found.study
    voice.say("study-check", study=study.content_id[:23], permit=study.permit)
    lists = _show_lists(session, found)
    outcomes = _show_outcomes(session, found)
    rows = needs(study)
    voice.table(["column-table", "column-columns"], rows)
    times = times_of(study)
    show_times(voice, study, times)
    before = show_all_before(voice, all_days_before(study.rules))
    others = {name: variant.content_id for name, variant in found.variants.items()}
    if others:
        voice.say("study-variants", count=len(others))
        voice.table(["column-variant", "column-id"], [(name, study_id[:23]) for name, study_id in others.items()])
    unknown = not_in_vocabulary(session.directory, study, vocabulary)
    for name, codes in unknown.items():
        shown = ", ".join(codes[:_SHOWN]) + ", …" * (len(codes) > _SHOWN)
        voice.say("codes-unknown", name=name, count=len(codes), shown=shown)
    with _line_said(session, file):
        permitted = file_fits(session.directory, file, found)
    voice.say("study-fits" if permitted else "study-not-compared", permit=study.permit)
    with _line_said(session, file):
        file_runs(file, found)
    told: dict[str, Any] = {"fits": permitted, "id": study.content_id, "permit": study.permit, "reads": dict(rows)}
    told |= {"codes": lists, "outcomes": outcomes, "variants": others, "unknown": unknown}
    told |= {"times": times_told(times), "all_before": all_before_told(before)}
    voice.result("study-check", told | protocol_told(study))
    return int(bool(unknown))


def _show_lists(session: Session, found: "StudyFile") -> dict[str, dict[str, str | int]]:
    """Each code list with its content id."""
    from rempart.wiring.study_check import code_lists

    lists = code_lists(found.study)
    session.voice.table(
        ["column-code-list", "column-system", "column-count", "column-id"],
        [(name, system, count, list_id[:19]) for name, system, count, list_id in lists],
    )
    return {name: {"system": system, "codes": count, "id": list_id} for name, system, count, list_id in lists}


def _show_outcomes(session: Session, found: "StudyFile") -> dict[str, str]:
    """Each outcome with the id of what it is."""
    from rempart.wiring.study_check import outcomes_of

    outcomes = outcomes_of(found.study)
    session.voice.table(["column-outcome", "column-id"], list(outcomes.items()))
    return outcomes


@contextmanager
def _line_said(session: Session, file: Path) -> Iterator[None]:
    """Of an error that has a line of the file, the line is said before it."""
    voice = session.voice
    try:
        yield
    except RempartError as error:
        if "line" in error.facts and not voice.as_json:
            voice.warn(voice.word("study-line", file=file.name, line=error.facts["line"]))
        raise


def _told(session: Session, file: Path, problems: Sequence[RempartError]) -> int:
    """Every problem in a line with its hint; one alone is raised as it is. The exit code is the first one's."""
    if len(problems) == 1:
        raise problems[0]
    voice = session.voice
    if voice.as_json:
        listed = [
            {
                "family": p.family,
                "code": p.code,
                "facts": shown(p.facts),
                "message": voice.error_line(p),
                "hint": voice.hint(p),
            }
            for p in problems
        ]
        facts = {"file": file.name, "count": len(problems)}
        told = {"family": problems[0].family, "code": "study-problems", "facts": facts, "hint": ""}
        body = {"schema": "rempart.error/1", "ok": False, "data": {"problems": listed}, "error": told}
        sys.stdout.write(json.dumps(body) + "\n")
        return problems[0].exit_code
    for problem in problems:
        voice.error(problem)
    voice.error(BadInput("study-problems", file=file.name, count=len(problems)))
    return problems[0].exit_code
