# SPDX-License-Identifier: Apache-2.0
"""Writes what is public beside the releases: the register as JSON, CSV and an Atom feed, the log's heads, the posture of hosts."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from rempart.adapters.ledger_files import replace

REGISTER, HEADS, POSTURE = "rempart.register/1", "rempart.heads/1", "rempart.posture/1"
_COLUMNS = (
    "permit", "project", "title", "lay", "benefit", "controller", "applicant", "body", "country", "regime", "basis", "reference",
    "purposes", "sources", "categories", "conditions", "period", "valid", "state", "releases", "results_overdue",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_register(public: Path, projects: Sequence[Mapping[str, Any]], *, controller: str) -> list[Path]:
    """``register/projects.{json,csv,atom}``; what they say depends on the ledger alone."""
    told = {"schema": REGISTER, "controller": controller, "projects": list(projects)}
    files = {
        "projects.json": _json(told),
        "projects.csv": _csv(projects),
        "projects.atom": _atom(projects, controller).encode(),
    }
    return [_write(public / "register" / name, data) for name, data in files.items()]


def write_heads(public: Path, *, notes: Mapping[str, str], told: Mapping[str, Any]) -> list[Path]:
    """``log/checkpoint``, the newest signed note, ``log/cosigned``, the newest that witnesses cosigned, and ``log/heads.json``. A note that
    there is not any more is taken away."""
    log = public / "log"
    written = [_write(log / "heads.json", _json({"schema": HEADS, **told}))]
    for name, note in notes.items():
        if note:
            written.append(_write(log / name, note.encode()))
        else:
            (log / name).unlink(missing_ok=True)
    return written


def write_posture(public: Path, hosts: Mapping[str, Mapping[str, str]]) -> Path:
    """``posture.json``: of each host what is declared."""
    return _write(public / "posture.json", _json({"schema": POSTURE, "hosts": hosts}))


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _csv(projects: Sequence[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in projects:
        writer.writerow([_cell(name, one[name]) for name in _COLUMNS])
    return out.getvalue().encode()


def _cell(name: str, value: object) -> str:
    """A cell that no spreadsheet runs."""
    if isinstance(value, list):
        value = "; ".join(item["release"] if name == "releases" else str(item) for item in value)
    text = str(value)
    return "'" + text if text.startswith(_FORMULA) else text


def _atom(projects: Sequence[Mapping[str, Any]], controller: str) -> str:
    entries = "".join(map(_entry, projects))
    newest = max((_updated(one) for one in projects), default="1970-01-01T00:00:00Z")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>urn:rempart:register:{escape(controller)}</id><title>{escape(controller)}</title>"
        f"<author><name>{escape(controller)}</name></author><updated>{newest}</updated>\n{entries}</feed>\n"
    )


def _entry(one: Mapping[str, Any]) -> str:
    return (
        f"<entry><id>urn:rempart:permit:{escape(one['permit'])}</id><title>{escape(one['title'])}</title>"
        f"<updated>{_updated(one)}</updated><summary>{escape(one['lay'] or one['title'])}</summary>"
        f'<category term="{escape(one["state"])}"/></entry>\n'
    )


def _updated(one: Mapping[str, Any]) -> str:
    days = [step["day"] for step in (*one["steps"], *one["releases"])]
    return f"{max(days, default='1970-01-01')}T00:00:00Z"


def _write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, data)
    return path
