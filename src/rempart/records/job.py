# SPDX-License-Identifier: Apache-2.0
"""A code job: a researcher's own Python or R, the tables it reads, the files it will write. It names its code by hash."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.errors import BadInput
from rempart.records.canonical import content_id, sha256_id

KIND = "code-job"
SCHEMA = "rempart.job/1"
Form = Mapping[str, Any]
_PERMIT = re.compile(r"P-\d{4}-\d{4}", re.ASCII)
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/[A-Za-z0-9][A-Za-z0-9_-]{0,63}){0,2}\.[A-Za-z]{1,4}", re.ASCII)
_DOCUMENT = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_KEYS = ("schema", "permit", "language", "main", "code", "inputs", "outputs")
_LIMITS = ("seconds", "memory_mb", "processes")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """One table of the project dataset, in a form that the language reads."""

    table: str
    columns: tuple[str, ...]
    format: str

    @property
    def file(self) -> str:
        """Its name inside."""
        return f"{self.table}.{self.format}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """``about``: what the author says it holds, for the checkers."""

    path: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeJob:
    """``code``: path → ``sha256:…`` of the file; ``limits``: those it asks for, by name, the house's own where it asks for none."""

    permit: str
    language: str
    main: str
    code: Mapping[str, str]
    inputs: tuple[JobInput, ...]
    outputs: tuple[JobOutput, ...]
    limits: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The canonical form that is hashed and signed."""
        body: dict[str, Any] = {
            "schema": SCHEMA,
            "permit": self.permit,
            "language": self.language,
            "main": self.main,
            "code": dict(sorted(self.code.items())),
            "inputs": [{"table": i.table, "columns": list(i.columns), "format": i.format} for i in self.inputs],
            "outputs": [{"path": o.path, "about": o.about} for o in self.outputs],
        }
        return {**body, **({"limits": dict(sorted(self.limits.items()))} if self.limits else {})}

    @property
    def content_id(self) -> str:
        """``sha256:…`` of the canonical form."""
        return content_id(self.as_dict())


def code_named(value: Mapping[str, Any], *, file: str = "job.toml") -> tuple[str, ...]:
    """The paths of the code that a job file names, ``main`` first. Raises BadInput ``job-field``."""
    main, more = value.get("main"), value.get("files", [])
    if not isinstance(main, str) or not isinstance(more, list) or not all(isinstance(name, str) for name in more):
        raise BadInput("job-field", file=file, field="main, files", expected="names of files beside the job's")
    return (main, *(name for name in more if name != main))


def job_of_file(value: Mapping[str, Any], code: Mapping[str, bytes], form: Form, *, file: str = "job.toml") -> CodeJob:
    """The job that a parsed file and its code make; raises as ``job_from_dict``."""
    told = {name: item for name, item in value.items() if name != "files"}
    if sum(len(data) for data in code.values()) > form["code_bytes"]:
        raise BadInput("job-field", file=file, field="files", expected=f"{form['code_bytes']} bytes in all")
    return job_from_dict({**told, "code": {name: sha256_id(data) for name, data in code.items()}}, form, file=file)


def job_from_dict(value: Mapping[str, Any], form: Form, *, file: str = "job.toml") -> CodeJob:
    """A job from its canonical form; raises BadInput ``unknown-key``, ``job-field``."""
    for name in value:
        if name not in (*_KEYS, "limits"):
            raise BadInput("unknown-key", file=file, key=str(name), expected=", ".join((*_KEYS, "limits")))
    reading = _Reading(file, form)
    reading.must(value.get("schema") == SCHEMA, "schema", SCHEMA)
    permit, code = value.get("permit"), value.get("code")
    reading.must(isinstance(permit, str) and bool(_PERMIT.fullmatch(permit)), "permit", "P-YYYY-NNNN")
    reading.must(value.get("language") in form["languages"], "language", ", ".join(form["languages"]))
    reading.must(isinstance(code, Mapping) and 0 < len(code) <= form["code"], "files", f"1 – {form['code']}")
    for name, hashed in dict(code or {}).items():
        reading.must(_is_path(name), "files", "plain names, such as main.py or tools/read.py")
        reading.must(isinstance(hashed, str) and bool(_DOCUMENT.fullmatch(hashed)), "code", "sha256:…")
    reading.must(value.get("main") in dict(code or {}), "main", "one of the files")
    return CodeJob(
        permit=str(permit),
        language=str(value["language"]),
        main=str(value["main"]),
        code=dict(code or {}),
        inputs=reading.inputs(value.get("inputs")),
        outputs=reading.outputs(value.get("outputs")),
        limits=reading.limits(value.get("limits", {})),
    )


def _is_path(value: object) -> bool:
    return isinstance(value, str) and bool(_PATH.fullmatch(value))


@dataclass(frozen=True, slots=True)
class _Reading:
    """Checks of one job file."""

    file: str
    form: Form

    def must(self, holds: bool, field: str, expected: str) -> None:
        """Raises BadInput ``job-field`` unless it holds."""
        if not holds:
            raise BadInput("job-field", file=self.file, field=field, expected=expected)

    def inputs(self, value: object) -> tuple[JobInput, ...]:
        """Each table once, each with columns."""
        found = []
        for row in self._rows(value, "inputs", {"table", "columns", "format"}, {"table", "columns"}):
            columns = row["columns"]
            given = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
            self.must(given and 0 < len(set(columns)) == len(columns), "inputs.columns", "each column once")
            kind = row.get("format", self.form["formats"][0])
            self.must(kind in self.form["formats"], "inputs.format", ", ".join(self.form["formats"]))
            found.append(JobInput(table=str(row["table"]), columns=tuple(columns), format=kind))
        self.must(len({item.table for item in found}) == len(found), "inputs.table", "each table once")
        return tuple(found)

    def outputs(self, value: object) -> tuple[JobOutput, ...]:
        """Each path once, each with a word on what it holds."""
        found, suffixes = [], self.form["suffixes"]
        for row in self._rows(value, "outputs", {"path", "about"}, {"path", "about"}):
            path, about = row["path"], row["about"]
            self.must(_is_path(path) and path.endswith(tuple(suffixes)), "outputs.path", ", ".join(suffixes))
            self.must(isinstance(about, str) and 0 < len(about.strip()) <= 500, "outputs.about", "what it holds")
            found.append(JobOutput(path=path, about=about.strip()))
        self.must(len({item.path for item in found}) == len(found), "outputs.path", "each path once")
        return tuple(found)

    def limits(self, value: object) -> dict[str, int]:
        """Whole numbers from 1 on."""
        self.must(isinstance(value, Mapping), "limits", ", ".join(_LIMITS))
        given: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {}
        self.must(set(given) <= set(_LIMITS), "limits", ", ".join(_LIMITS))
        self.must(all(type(number) is int and number > 0 for number in given.values()), "limits", "1, 2, 3…")
        return given

    def _rows(self, value: object, name: str, known: set[str], needed: set[str]) -> Sequence[Mapping[str, Any]]:
        most = self.form[name]
        rows = value if isinstance(value, list) else []
        self.must(0 < len(rows) <= most, name, f"1 – {most}")
        for row in rows:
            fits = isinstance(row, Mapping) and needed <= set(row) <= known
            self.must(fits, name, ", ".join(sorted(known)))
        return rows
