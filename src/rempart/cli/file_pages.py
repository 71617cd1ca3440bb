# SPDX-License-Identifier: Apache-2.0
"""Files of a researcher's own code as the command line shows them: what rules say of each, and for checkers what they hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rempart.cli.voice import Voice

if TYPE_CHECKING:
    from rempart.disclosure.file_tables import Column
    from rempart.wiring.job_releases import SeenFile

_TEXTS = (".csv", ".tsv", ".txt", ".md", ".log", ".py", ".R", ".r", ".sql")


def show_findings(voice: Voice, files: "Sequence[SeenFile]") -> list[dict[str, object]]:
    """A line for each rule that says something of a file; the same as data."""
    rows = [(one.name, voice.word(f"file-{verdict}"), words) for one in files for _, verdict, words in one.findings]
    rows += [(one.name, voice.word("file-plain"), "") for one in files if not one.findings]
    voice.table(["column-file", "column-verdict", "column-rule"], rows)
    return [
        {
            "file": one.name,
            "refused": one.kept.looked.refused,
            "findings": [{"rule": rule, "verdict": verdict} for rule, verdict, _ in one.findings],
        }
        for one in files
    ]


def show_files(voice: Voice, files: "Sequence[SeenFile]", out: Path | None) -> None:
    """What each file would say to the world: columns first, then text; pictures are written to ``out``."""
    for one in files:
        voice.plain(f"\n{one.name}", style="bold")
        if one.kept.looked.columns:
            names = ["name", "type", "withheld", "distinct", "least", "least-above-zero", "most", "sum", "multiples"]
            voice.table(
                [f"column-{name}" for name in names], [_column(voice, column) for column in one.kept.looked.columns]
            )
        if one.name.endswith(_TEXTS):
            voice.plain(one.kept.looked.data.decode())
        else:
            voice.say("file-picture", bytes=len(one.kept.looked.data))
    if out is not None:
        voice.say("files-written", folder=str(out))


def _column(voice: Voice, column: "Column") -> list[str | int]:
    numbers = (column.least, column.least_above_zero, column.most, column.total)
    told = ["" if value is None else voice.number(f"{value:g}") for value in numbers]
    steps = [("5", column.fives), ("6", column.sixes), ("6+3", column.midpoints)]
    multiples = ", ".join(word for word, true in steps if true)
    return [column.name, column.type, column.hidden, column.distinct, *told, multiples]
