# SPDX-License-Identifier: Apache-2.0
"""What any file of text is asked: signs that show, lines that can be read, nothing of the form of an identifier, no number too long."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rempart.disclosure.file_findings import FileFinding, found

_NUMBER = re.compile(r"(?<![0-9A-Za-z_.,])[0-9]+(?:[.,][0-9]+)?(?:[eE][-+]?[0-9]+)?(?![0-9A-Za-z_])", re.ASCII)
_BETWEEN = re.compile(r"[,;|\t]")
_LITERALS = re.compile(r"(?:[-+]?[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?[\s,;]+)+", re.ASCII)
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\t": " "})
_CELLS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\t": "|"})
_SCRIPTS = ("LATIN ", "GREEK ")


def plain_lines(text: str) -> list[str]:
    """The lines, each without what stands after its last sign; ends of lines of every system alike, empty lines at the end left out."""
    lines = [line.rstrip(" \t") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def text_findings(lines: Sequence[str], kind: str, rules: Mapping[str, Any]) -> tuple[FileFinding, ...]:
    """What speaks against the lines; each rule once, at the first line that breaks it."""
    first: dict[str, FileFinding] = {}
    for number, line in enumerate(lines, 1):
        for rule in _of_line(line, kind, rules):
            first.setdefault(rule, found(rule, rules, f"line {number}"))
    whole = "\n".join(lines)
    for rule in _of_whole(lines, whole, kind, rules):
        first.setdefault(rule, found(rule, rules))
    return tuple(first.values())


def _of_line(line: str, kind: str, rules: Mapping[str, Any]) -> Iterator[str]:
    limits = rules["limits"]
    if kind != "table" and len(line) > limits["line"]:
        yield "lines"
    if not all(shows(sign, rules) for sign in line):
        yield "characters"
    plain = line.translate(_CELLS if kind == "table" else _SPACES)
    if any(re.search(one["pattern"], plain) for one in rules["identifiers"].values()):
        yield "identifier"
    if re.search(rules["dates"]["pattern"], plain):
        yield "days"
    if kind != "table" and any(too_long(text, limits) for text in _NUMBER.findall(plain)):
        yield "long-number"


def _of_whole(lines: Sequence[str], whole: str, kind: str, rules: Mapping[str, Any]) -> Iterator[str]:
    low = whole.lower()
    if any(word in low for word in rules["markup"]["words"]):
        yield "markup"
    if kind == "text" and _looks_like_a_table(lines, rules["limits"]["table_lines"]):
        yield "table-in-text"
    if kind == "code" and any(_many(match.group(), rules) for match in _LITERALS.finditer(whole)):
        yield "literal-table"


def shows(sign: str, rules: Mapping[str, Any]) -> bool:
    """Whether a sign is one that a reader sees and knows: ASCII, a letter of Latin or Greek in its one form, or one that is listed."""
    if sign == "\t" or " " <= sign <= "~" or sign in rules["characters"]["more"]:
        return True
    name = unicodedata.name(sign, "")
    plain = unicodedata.normalize("NFKC", sign) == sign
    return plain and unicodedata.category(sign) in {"Ll", "Lu"} and name.startswith(_SCRIPTS)


def too_long(number: str, limits: Mapping[str, Any]) -> bool:
    """Whether a number has more digits than it may: significant ones, or those of a whole number."""
    mantissa = re.split("[eE]", number)[0].lstrip("+-")
    digits = re.sub("[.,]", "", mantissa)
    if digits == mantissa:
        return len(digits) > int(limits["whole"])
    return len(digits.lstrip("0")) > int(limits["significant"])


def _looks_like_a_table(lines: Sequence[str], least: int) -> bool:
    """Many lines one after the other with the same marks between the same number of fields, or the same number of numbers."""
    run, before = 0, (0, 0)
    for line in lines:
        shape = (len(_BETWEEN.findall(line)), len(_NUMBER.findall(line.translate(_SPACES))))
        run = run + 1 if shape == before and (shape[0] >= 2 or shape[1] >= 3) else 1
        before = shape
        if run >= least:
            return True
    return False


def _many(literals: str, rules: Mapping[str, Any]) -> bool:
    return len(re.findall(r"[0-9]+(?:\.[0-9]*)?", literals)) >= int(rules["limits"]["literals"])
