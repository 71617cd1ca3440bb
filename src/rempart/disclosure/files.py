# SPDX-License-Identifier: Apache-2.0
"""Files that a researcher's own code wrote: what is refused before anybody looks, what two checkers are told of, and what leaves.

A file has no evidence of persons, so that no rule here says that it is safe: it says what it may not be. What leaves is never the bytes
that came in: tables, text and code are written anew line by line, and pictures point by point (``pictures.py``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rempart.disclosure.file_findings import FileFinding, found
from rempart.disclosure.file_tables import Column, columns_of, read_table, table_findings, written
from rempart.disclosure.file_text import plain_lines, text_findings
from rempart.disclosure.pictures import Picture, read_picture
from rempart.errors import Refused

Rules = Mapping[str, Any]
TABLE, FIGURE = "table", "figure"
_TEXTS = frozenset({"text", "code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What came of a file. ``data``: the bytes that may leave, empty when it is refused; ``columns``: of a table, for checkers."""

    findings: tuple[FileFinding, ...]
    data: bytes = b""
    columns: tuple[Column, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether it may not even be looked at."""
        return any(item.verdict == "refused" for item in self.findings)


def kind_of(name: str, rules: Rules) -> str:
    """The kind of files with that suffix, '' for none."""
    suffix = name.rpartition(".")[2]
    return next((kind for kind, suffixes in rules["kinds"].items() if suffix in suffixes), "")


def check_file(name: str, data: bytes, kind: str, rules: Rules, *, units: int = 0) -> tuple[FileFinding, ...]:
    """What speaks against a file. ``kind``: as it was declared; ``rules``: parsed ``disclosure/files.toml``; ``units``: how many persons it
    is of, 0 when that is not known. Something marked ``refused`` among them: it goes no further."""
    return look_at(name, data, kind, rules, units=units).findings


def cleaned(name: str, data: bytes, kind: str, rules: Rules, *, units: int = 0) -> bytes:
    """The bytes that may leave for a file, the same for the same file; raises Refused ``disclosure-file``."""
    seen = look_at(name, data, kind, rules, units=units)
    if seen.refused:
        told = sorted({item.rule for item in seen.findings if item.verdict == "refused"})
        raise Refused("disclosure-file", file=name, rules=", ".join(told))
    return seen.data


def look_at(name: str, data: bytes, kind: str, rules: Rules, *, units: int = 0) -> LookedAt:
    """Findings, what may leave, and for a table what each column holds."""
    outside = _outside(name, data, kind, rules)
    if outside:
        return LookedAt(findings=outside)
    if kind == FIGURE:
        return _figure(data, rules)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return LookedAt(findings=(found("encoding", rules),))
    return _table(name, text, rules, units) if kind == TABLE else _text(text, kind, rules)


def _outside(name: str, data: bytes, kind: str, rules: Rules) -> tuple[FileFinding, ...]:
    """What its name, its size and its first bytes say; the first of these ends the look."""
    limits = rules["limits"]
    if re.fullmatch(rules["name"]["form"], name, re.ASCII) is None:
        return (found("name", rules),)
    if not kind or kind_of(name, rules) != kind:
        return (found("kind", rules),)
    if not 0 < len(data) <= (limits["text_bytes"] if kind in _TEXTS else limits["bytes"]):
        return (found("size", rules),)
    begins = data[:64].hex()
    if any(begins.startswith(magic) for magic in rules["magic"].values()):
        return (found("disguised", rules),)
    return ()


def _figure(data: bytes, rules: Rules) -> LookedAt:
    picture: Picture | None = read_picture(data, rules["limits"])
    if picture is None:
        return LookedAt(findings=(found("picture", rules),))
    return LookedAt(findings=(found("redrawn", rules), found("read", rules)), data=picture.png())


def _text(text: str, kind: str, rules: Rules) -> LookedAt:
    lines = plain_lines(text)
    findings = (*text_findings(lines, kind, rules), found("read", rules))
    return LookedAt(findings=findings, data=_joined(lines))


def _table(name: str, text: str, rules: Rules, units: int) -> LookedAt:
    lines = plain_lines(text)
    before = text_findings(lines, TABLE, rules)
    table = read_table(lines, tabs=name.endswith(".tsv"))
    if table is None:
        return LookedAt(findings=(*before, found("shape", rules)))
    findings = (*before, *table_findings(table, rules, units=units))
    return LookedAt(findings=findings, data=written(table), columns=columns_of(table, rules))


def _joined(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
