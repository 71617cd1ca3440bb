# SPDX-License-Identifier: Apache-2.0
"""Commands about protocols and reports: freeze the one, write the other. Neither shows a value that was not checked."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.session import Session
from rempart.cli.study_times import zero_in_words
from rempart.cli.voice import Voice
from rempart.errors import BadInput

if TYPE_CHECKING:
    from rempart.cohort.study_times import Times

_RUN = re.compile(r"S-[0-9a-f]{16}")


def freeze(
    session: Session, file: Path, /, *, key: Path, variant: str | None = None, passphrase_fd: int | None = None
) -> int:
    """Freeze a study's protocol."""
    from rempart.wiring.protocols import freeze_file
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    done = freeze_file(
        Warehouse(session.directory), file=file, key_file=key, ask=session.asker(passphrase_fd), variant=variant
    )
    frozen = done.frozen
    word = "protocol-frozen" if frozen.anew else "protocol-stands"
    voice.say(word, study=frozen.study, permit=frozen.permit, leaf=frozen.leaf, time=voice.when(frozen.time))
    if frozen.amends:
        voice.say("protocol-amends", amends=frozen.amends)
    for one in done.beside if frozen.anew and variant is None else ():
        voice.say("protocol-beside", study=one.study, time=voice.when(one.time))
    voice.say("protocol-next", file=str(file))
    told = {"study": frozen.study, "permit": frozen.permit, "leaf": frozen.leaf, "time": frozen.time}
    beside = [one.study for one in done.beside]
    voice.result("study-freeze", {**told, "amends": frozen.amends, "anew": frozen.anew, "beside": beside})
    return 0


def report(
    session: Session,
    what: str,
    /,
    *,
    out: Path,
    key: Path | None = None,
    variant: str | None = None,
    passphrase_fd: int | None = None,
) -> int:
    """Write a study's protocol, or a run with what was let out of it, as HTML and PDF."""
    from rempart.wiring.reports import protocol_report, run_report
    from rempart.wiring.warehouse import Warehouse

    voice = session.voice
    speak, language = times_spoken(voice), voice.language
    if _RUN.fullmatch(what):
        if variant is not None:
            raise BadInput("option-needs", option="--variant", other="STUDY.toml")
        asker = session.asker(passphrase_fd)
        place = Warehouse(session.directory)
        told = run_report(place, what, key_file=key, ask=asker, out=out, language=language, speak=speak)
    else:
        told = protocol_report(session.directory, Path(what), variant=variant, out=out, language=language, speak=speak)
    voice.say(
        "study-report-written",
        folder=str(out),
        html=f"report.{voice.language}.html",
        pdf=f"report.{voice.language}.pdf",
    )
    if _RUN.fullmatch(what):
        voice.say(
            "study-report-released" if told.release else "study-report-unreleased", release=told.release, run=what
        )
    voice.say("study-report-versions", versions=len(told.versions), others=len(told.others))
    facts = {"versions": [one.study for one in told.versions], "others": [one.study for one in told.others]}
    voice.result("study-report", {"study": told.study_id, "folder": str(out), "release": told.release, **facts})
    return 0


def times_spoken(voice: Voice) -> "Callable[[Sequence[Times]], list[tuple[str, ...]]]":
    """How a report tells times zero, in the session's language."""

    def speak(times: "Sequence[Times]") -> list[tuple[str, ...]]:
        return [
            (
                one.whom,
                ", ".join(one.analyses),
                zero_in_words(voice, one, plain=True),
                ", ".join(one.sources) or voice.word("times-no-source"),
            )
            for one in times
        ]

    return speak
