# SPDX-License-Identifier: Apache-2.0
"""A code list from a file of others: which column holds codes, of which system, what is taken, what is refused and why.

Takes nothing in silence: whatever is not taken is counted under its reason with the first of its codes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rempart.errors import BadInput
from rempart.records.code_lists import FORMS, list_id, tidied
from rempart.records.fields import NAME, near
from rempart.records.protocol import CodeList

# Names of columns that hold codes, in lower case without marks: the system they tell, '' when they tell none.
_COLUMNS = {
    "cip13": "CIP13", "codecip13": "CIP13", "phacipc13": "CIP13", "phaprsc13": "CIP13", "cip7": "CIP7", "codecip": "CIP7", "cip": "",
    "ucd": "UCD", "ucd7": "UCD", "codeucd": "UCD", "atc": "ATC", "atc7": "ATC", "atccode": "ATC", "codeatc": "ATC", "cim10": "CIM10",
    "icd10": "CIM10", "icd": "CIM10", "icdcode": "CIM10", "icd10code": "CIM10", "codecim10": "CIM10", "cimcod": "CIM10", "ccam": "CCAM",
    "codeccam": "CCAM", "nabm": "NABM", "codenabm": "NABM", "lpp": "LPP", "codelpp": "LPP", "conceptid": "OMOP", "code": "", "codes": "",
    "id": "", "conceptcode": "",
}  # fmt: skip
_LABELS = (
    "term",
    "label",
    "name",
    "libelle",
    "description",
    "conceptname",
    "libcourt",
    "liblong",
    "short",
    "long",
    "title",
)
_LIKELY = {  # what a code of the system looks like when nothing else tells: narrower than what a study may hold
    "CIP13": r"34009\d{8}",
    "ATC": r"[ABCDGHJLMNPRSV]\d\d[A-Z]([A-Z](\d\d)?)?",
    "CIM10": r"[A-Z]\d\d\.?[0-9+]{0,3}X?",
    "CCAM": r"[A-Z]{4}\d{3}",
}
_VOCABULARIES = {
    "ATC": ("ATC",),
    "CIM10": ("CIM10", "ICD10", "ICD10CM"),
    "CCAM": ("CCAM",),
    "NABM": ("NABM",),
    "LPP": ("LPP",),
}
_CODES = ("code", "codes")  # names of a column of codes, of whatever system, whatever its values look like
_EATEN = re.compile(
    r"\d([.,]\d+)?E\+\d+", re.ASCII | re.IGNORECASE
)  # what a spreadsheet makes of a number of 13 digits
_RANGE = re.compile(r"[A-Z]\d[\d.]*\s*[-–:]\s*[A-Z]\d[\d.]*", re.ASCII | re.IGNORECASE)
_SHARE = 0.8  # of a column's values that must look like codes
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One concept of an ATLAS concept set."""

    concept: str
    code: str
    vocabulary: str
    label: str
    excluded: bool
    descendants: bool
    mapped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A list and how it came: ``labels`` of codes; ``refused``: reason → what was not taken; ``twice``: rows of a code that was there."""

    codes: CodeList
    labels: Mapping[str, str]
    refused: Mapping[str, tuple[str, ...]]
    rows: int
    twice: int = 0
    column: str = ""

    @property
    def id(self) -> str:
        """Content id of the list."""
        return list_id(self.codes)


@dataclass(slots=True)
class _Taken:
    system: str
    include: dict[str, str] = field(default_factory=dict)
    exclude: dict[str, str] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)
    twice: int = 0

    def add(self, written: str, label: str, *, out: bool = False) -> None:
        code = tidied(self.system, written)
        side = self.exclude if out else self.include
        if not code:
            self.refuse("eaten" if eaten(written) else "range" if _RANGE.fullmatch(written) else "form", written)
        elif code in side:
            self.twice += 1
        else:
            side[code] = label

    def refuse(self, reason: str, what: str) -> None:
        self.refused.setdefault(reason, []).append(what)

    def done(self, *, file: str, source: str, rows: int, alone: bool = False, column: str = "") -> Imported:
        """The list; raises BadInput ``codes-none`` when nothing was taken."""
        if not FORMS[self.system].branches:
            for code in self.exclude:
                self.include.pop(code, None)
            self.exclude = {}
        if not self.include:
            shown = next((items[0] for items in self.refused.values() if items), "")
            if eaten(shown):
                raise BadInput("codes-eaten", file=file, shown=shown[:40])
            if _RANGE.fullmatch(shown):
                raise BadInput("codes-range", file=file, shown=shown[:40])
            raise BadInput(
                "codes-none", file=file, system=self.system, expected=FORMS[self.system].hint, shown=shown[:40]
            )
        codes = CodeList(
            system=self.system,
            include=tuple(sorted(self.include)),
            exclude=tuple(sorted(self.exclude)),
            source=source,
            descendants=False if alone else None,
        )
        refused = {reason: tuple(items) for reason, items in sorted(self.refused.items())}
        labels = {**self.exclude, **self.include}
        return Imported(codes=codes, labels=labels, refused=refused, rows=rows, twice=self.twice, column=column)


def eaten(written: str) -> bool:
    """Whether a spreadsheet rounded this number, so that its digits are lost."""
    return _EATEN.fullmatch(written.strip()) is not None


def from_rows(
    rows: Sequence[Sequence[str]], *, file: str, source: str, system: str | None = None, column: str | None = None
) -> Imported:
    """A list from the rows of a CSV file, the first of them the names of columns unless it holds codes.

    Raises BadInput ``codes-none``, ``codes-eaten``, ``codes-range``, ``codes-empty``, ``codes-column`` (no such column, or none that
    holds codes), ``codes-no-column`` (the same, and no system was named), ``codes-system`` (several fit).
    """
    if not rows:
        raise BadInput("codes-file", file=file, expected="CSV or ATLAS JSON")
    headed = column is not None or not any(
        _looks(cell, system) and any(mark.isdigit() for mark in cell) for cell in rows[0]
    )
    names = [_plain(name) for name in rows[0]] if headed else []
    body = rows[1:] if headed else rows
    if not body:
        raise BadInput("codes-empty", file=file, columns=_shown(rows[0]))
    place = _column(names, body, rows[0], file=file, system=system, column=column)
    values = [row[place] for row in body if len(row) > place and row[place]]
    told = system or (_COLUMNS.get(names[place], "") if headed else "") or _guess(values, file)
    label = next((n for n, name in enumerate(names) if n != place and name in _LABELS), None)
    taken = _Taken(told)
    for row in body:
        if len(row) > place and row[place]:
            taken.add(row[place], row[label] if label is not None and len(row) > label else "")
    shown = rows[0][place] if headed else str(place + 1)
    return taken.done(file=file, source=source, rows=len(body), column=shown)


def from_items(
    items: Sequence[Item], *, file: str, source: str, system: str | None = None, alone: bool = False
) -> Imported:
    """A list from an ATLAS concept set: concept ids, or codes of ``system`` where its vocabulary is that system's.

    ``alone``: concepts are taken without those below them. Raises BadInput ``codes-descendants`` when the set asks for them and only a
    vocabulary could tell, ``codes-none``.
    """
    told = system or "OMOP"
    taken = _Taken(told)
    below = [item for item in items if item.descendants and not item.excluded]
    if told == "OMOP" and (below or any(item.mapped for item in items)) and not alone:
        raise BadInput("codes-descendants", file=file, count=len(below) or len(items))
    narrow = not below or alone
    for item in items:
        if told == "OMOP":
            taken.add(item.concept, item.label, out=item.excluded)
        elif item.vocabulary.upper() not in _VOCABULARIES.get(told, ()):
            taken.refuse("vocabulary", f"{item.vocabulary} {item.code}".strip())
        elif item.mapped:
            taken.refuse("mapped", item.code)
        elif not narrow and not item.descendants:
            taken.refuse("alone", item.code)
        else:
            taken.add(item.code, item.label, out=item.excluded)
    return taken.done(file=file, source=source, rows=len(items), alone=narrow and FORMS[told].branches)


def check_name(name: str) -> str:
    """The name of a list; raises BadInput ``codes-name``."""
    if not NAME.fullmatch(name):
        raise BadInput("codes-name", name=name)
    return name


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _looks(value: str, system: str | None) -> bool:
    if system:
        return bool(tidied(system, value))
    return any(re.fullmatch(pattern, value.strip().upper(), re.ASCII) for pattern in (*_LIKELY.values(), r"\d{4,13}"))


def _column(
    names: Sequence[str],
    body: Sequence[Sequence[str]],
    written: Sequence[str],
    *,
    file: str,
    system: str | None,
    column: str | None,
) -> int:
    """The place of the column of codes: the one named, else one whose name says so, else the first that looks like it."""
    if column is not None:
        if _plain(column) not in names:
            raise BadInput(
                "codes-column", file=file, column=column, columns=_shown(written), **near(column, list(written))
            )
        return names.index(_plain(column))
    telling = [place for place, name in enumerate(names) if name in _COLUMNS]
    if system:
        telling = [n for n in telling if _COLUMNS[names[n]] == system] or [n for n in telling if not _COLUMNS[names[n]]]
    width = max((len(row) for row in body), default=0)
    named = [n for n in telling if _COLUMNS[names[n]] or names[n] in _CODES]
    told = [n for n in named if any(_looks(v, system) or eaten(v) or _RANGE.fullmatch(v) for v in _values(body, n))]
    fits = [n for n in telling if _mostly(_values(body, n), system)] or told
    fits = fits or [n for n in telling if system and _COLUMNS[names[n]] == system and _values(body, n)]
    fits = fits or [n for n in range(width) if _mostly(_values(body, n), system)] or named
    if not fits:
        raise _no_column(body, width, written, file=file, system=system)
    return fits[0]


def _no_column(
    body: Sequence[Sequence[str]], width: int, written: Sequence[str], *, file: str, system: str | None
) -> BadInput:
    lost = next((value for place in range(width) for value in _values(body, place) if eaten(value)), "")
    if lost:
        return BadInput("codes-eaten", file=file, shown=lost[:40])
    if system is None:
        return BadInput("codes-no-column", file=file, columns=_shown(written))
    return BadInput("codes-column", file=file, column=system, columns=_shown(written))


def _values(body: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place] for row in body[:_LOOKED_AT] if len(row) > place and row[place]]


def _mostly(values: Sequence[str], system: str | None) -> bool:
    return bool(values) and sum(_looks(value, system) for value in values) >= _SHARE * len(values)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(name[:30] for name in names[:12])


def _guess(values: Sequence[str], file: str) -> str:
    """The one system that nearly all values are likely of; raises BadInput ``codes-system`` when none or several are: digits that some
    system could hold may be of a system that is none of ours, and would find others in silence."""
    written = [value.strip().upper() for value in values[:_LOOKED_AT]]

    def share(pattern: str) -> bool:
        return sum(bool(re.fullmatch(pattern, value, re.ASCII)) for value in written) >= _SHARE * len(written)

    likely = [name for name, pattern in _LIKELY.items() if share(pattern)]
    if len(likely) != 1:
        if lost := next((value for value in written if eaten(value)), ""):
            raise BadInput("codes-eaten", file=file, shown=lost[:40])
        possible = [name for name in FORMS if _mostly(values, name)]
        raise BadInput("codes-system", file=file, expected=", ".join(likely or possible or FORMS))
    return likely[0]
