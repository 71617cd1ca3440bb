# SPDX-License-Identifier: Apache-2.0
"""All variants of a study file at once: run, or planned together. Shows no value of a cell; one variant alone is ``study_commands``'."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rempart.cli.move_bar import seconds_in_words
from rempart.cli.session import Session
from rempart.cli.voice import Voice, shown
from rempart.errors import BadInput, RempartError

if TYPE_CHECKING:
    from rempart.wiring.study_variants import VariantRun

Failed = Sequence[tuple[str, RempartError]]


def run_every(session: Session, file: Path, *, key: Path, passphrase_fd: int | None, **how: Any) -> int:
    """The study itself and each of its variants; the exit code is the first failure's, 0 without one."""
    from rempart.wiring.study_variants import failed, run_every_variant, studies_of
    from rempart.wiring.warehouse import Warehouse

    voice, studies = session.voice, studies_of(file, every=True)
    with voice.bars() as bars:
        runs = run_every_variant(
            Warehouse(session.directory),
            studies=studies,
            key_file=key,
            ask=session.asker(passphrase_fd),
            progress=bars,
            **how,
        )
    voice.table(
        ["column-variant", "column-run", "column-parts", "column-reused"],
        [
            (name_of(voice, run.name), run.done.run, run.done.cost.parts, run.done.cost.reused)
            for run in runs
            if run.done is not None
        ],
    )
    told = {"runs": [_told(run) for run in runs]}
    if code := tell_failed(voice, file, failed(runs), told):
        return code
    voice.say("study-next-each")
    voice.result("study-run", told)
    return 0


def _told(run: "VariantRun") -> dict[str, object]:
    body: dict[str, object] = {"variant": run.name, "study": run.study}
    if run.done is not None:
        cost = run.done.cost
        body |= {"run": run.done.run, "result": run.done.result, "resumed": run.done.resumed, "reused": cost.reused}
    if run.error is not None:
        body["error"] = {"family": run.error.family, "code": run.error.code, "facts": shown(run.error.facts)}
    return body


def name_of(voice: Voice, name: str) -> str:
    """A variant's name; a word for the study itself."""
    return name or voice.word("study-itself")


def tell_failed(voice: Voice, file: Path, failed: Failed, told: Mapping[str, Any]) -> int:
    """Each study that failed, by name, with its error and hint; the first one's exit code, or 0. ``told``: what ``--json`` says."""
    if not failed:
        return 0
    code = failed[0][1].exit_code
    if voice.as_json:
        facts = {"file": file.name, "failed": len(failed)}
        error = {"family": failed[0][1].family, "code": "study-variants-failed", "facts": facts, "hint": ""}
        body = {"schema": "rempart.error/1", "ok": False, "data": dict(told), "error": error}
        sys.stdout.write(json.dumps(body) + "\n")
        return code
    for name, error_of in failed:
        voice.warn(voice.word("study-variant-failed", name=name_of(voice, name)))
        voice.error(error_of)
    voice.error(BadInput("study-variants-failed", file=file.name, failed=len(failed)))
    return code


def plan_every(session: Session, file: Path, *, workers: int | None, memory: int | None) -> int:
    """What all of them would cost together; 1 when one would be refused."""
    from rempart.wiring.study_variants import plan_every_variant
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    planned = plan_every_variant(Warehouse(session.directory), file, workers=workers, memory=memory)
    rows: list[tuple[str, ...]] = []
    for name, made in planned.plans.items():
        count = f"{made.size.all_rows:,}".replace(",", " ") if made.size else ""
        fits = "" if made.compared is None else voice.word("plan-fits-yes" if made.compared.fits else "plan-fits-no")
        new = str(made.parts - made.kept) if made.size else ""
        rows.append((name_of(voice, name), fits, str(made.parts or ""), new, count))
    voice.table([f"column-{word}" for word in ("variant", "fits", "parts", "new-parts", "rows")], rows)
    voice.say("plan-every", count=len(rows), parts=planned.parts, kept=planned.kept, new=planned.new)
    for why in dict.fromkeys(voice.error_line(made.why) for made in planned.plans.values() if made.why is not None):
        voice.say("plan-not-looked", why=why)
    if planned.seconds is None:
        voice.say("plan-no-pace")
    else:
        voice.say("plan-time", time=seconds_in_words(voice, planned.seconds), workers=planned.workers)
    voice.say("plan-every-next")
    voice.result("study-plan", planned.as_dict())
    return int(any(made.refused for made in planned.plans.values()))
