# SPDX-License-Identifier: Apache-2.0
"""What a dry run leaves: the tables of invented persons as a reader would see them, marked as such in every file. Never a release.

There is no submission, vote, ``release.json`` or proof: nothing that ``release publish`` or ``release verify`` would take.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w

from rempart.records.canonical import content_id, plain
from rempart.records.result import CheckedTable
from rempart.release.summary import summary
from rempart.release.tables import table_csv

SCHEMA = "rempart.dry-run/1"
LANGUAGES = ("en", "fr")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """A study in canonical form and its checked tables. ``name``: of the variant, '' for the study itself; ``few``, ``nearly_all``:
    cohorts that hold, or leave out, fewer invented persons than ``fewer_than``."""

    name: str
    study: Mapping[str, Any]
    tables: tuple[CheckedTable, ...]
    persons: int
    seed: int
    few: tuple[str, ...] = ()
    nearly_all: tuple[str, ...] = ()
    fewer_than: int = 0


def page(
    done: Rehearsed, language: str, *, words: Mapping[str, Any], own: Mapping[str, Any], figures: Sequence[str] = ()
) -> str:
    """The summary in ``language``, marked. ``words``: parsed ``words.toml``; ``own``: parsed ``dry_run.toml``."""
    told, mark = own[language], str(own["mark"])
    facts = {
        "context": told["context"].format(mark=mark, persons=done.persons, seed=done.seed),
        "permit": told["permit"].format(permit=done.study["permit"]),
        "controls": "; ".join(sorted({table.rules for table in done.tables})),
    }
    say = {**words["summary"][language], **{name: told[name] for name in ("files_text", "anonymity")}}
    say |= {"title": mark, "marker": f"{told['note']} {say['marker']}"}
    said = {**words, "summary": {**words["summary"], language: say}, "anonymity": own["anonymity"]}
    named = done.name or content_id(done.study)[:19]
    return summary(
        language, release=named, facts=facts, study=done.study, tables=done.tables, figures=figures, words=said
    )


def dry_files(
    done: Rehearsed, *, words: Mapping[str, Any], own: Mapping[str, Any], figures: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Relative path → bytes; ``figures``: drawn with the mark in them. Raises Refused ``release-unchecked``."""
    mark = str(own["mark"])
    files = {f"tables/{table.output}.csv": marked_csv(table, mark) for table in done.tables}
    files |= {f"figures/{name}": data for name, data in figures.items()}
    for language in LANGUAGES:
        text = page(done, language, words=words, own=own, figures=list(figures))
        files[f"summary.{language}.md"] = text.encode()
    files["study.toml"] = f"# {mark}\n{tomli_w.dumps(plain(done.study))}".encode()
    body = {
        "schema": SCHEMA,
        "synthetic": True,
        "releasable": False,
        "study": content_id(done.study),
        "variant": done.name,
        "persons": done.persons,
        "seed": done.seed,
        "note": {language: own[language]["note"] for language in LANGUAGES},
        "outputs": {table.output: len(table.rows) for table in done.tables},
    }
    files[f"{mark}.json"] = (json.dumps(body, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()
    return files


def marked_csv(table: CheckedTable, mark: str) -> bytes:
    """The table's CSV with a first column ``data`` that says the mark in every line."""
    rows = list(csv.reader(io.StringIO(table_csv(table).decode(), newline="")))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([["data" if line == 0 else mark, *row] for line, row in enumerate(rows)])
    return text.getvalue().encode()
