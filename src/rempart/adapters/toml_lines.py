# SPDX-License-Identifier: Apache-2.0
"""Finds the lines of keys in a TOML text that tomllib has read, so that errors name them. Judges nothing; run when something is wrong.

Paths are written as messages write them: ``cohorts.main.exclude[1].days``, items of lists from 1.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Sequence

from rempart.errors import Fact, RempartError

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r'"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\'|([A-Za-z0-9_-]+)')
_TEXT = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}|\'\'\'(?:[^\']|\'(?!\'\'))*\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\''
)
_PLAIN = re.compile(r"[^,\]}#\n]+")
_NAMING = ("field", "key", "what")  # facts of errors that hold a path


def located(errors: Sequence[RempartError], text: str, *, file: str) -> list[RempartError]:
    """The same errors with the line of what they name in ``line``, and after the file's name; in order of the lines."""
    paths = [_path(error.facts) for error in errors]
    lines = lines_of(text, [path for path in paths if path])
    for error, path in zip(errors, paths, strict=True):
        line = lines.get(path, 0)
        if line:
            error.facts |= {"line": line}
            error.facts |= {"file": f"{file}:{line}"} if "file" in error.facts else {}
    return sorted(errors, key=lambda error: int(error.facts.get("line", 0)))


def _path(facts: dict[str, Fact]) -> str:
    named = next((str(facts[name]) for name in _NAMING if name in facts), "")
    item = facts.get("item")
    return f"{named}[{item}]" if item and named else named


def lines_of(text: str, paths: Iterable[str]) -> dict[str, int]:
    """Path → line, from 1, of that key or item, else of the innermost table or list around it that stands in the text."""
    around = {path: _ancestors(path) for path in paths}
    found = _Scan(text, {name for names in around.values() for name in names}).run()
    known = {path: next((found[name] for name in names if name in found), None) for path, names in around.items()}
    return {path: text.count("\n", 0, at) + 1 for path, at in known.items() if at is not None}


def _ancestors(path: str) -> list[str]:
    """The path and all that hold it, innermost first."""
    return [path, *(path[: mark.start()] for mark in reversed(list(re.finditer(r"[.\[]", path))))]


def _name(key: re.Match[str]) -> str:
    """A part of a key as tomllib gives it."""
    basic, literal, bare = key.groups()
    if basic is not None and "\\" in basic:
        return str(tomllib.loads(f"name = {key.group()}")["name"])
    return str(next(part for part in (basic, literal, bare) if part is not None))


class _Scan:
    """One pass over the text; notes where the wanted paths begin."""

    def __init__(self, text: str, wanted: Collection[str]) -> None:
        self.text, self.wanted = text, wanted
        self.lists = {path.rpartition("[")[0] for path in wanted if path.endswith("]")}
        self.found: dict[str, int] = {}
        self.counts: dict[str, int] = {}

    def run(self) -> dict[str, int]:
        """Path → offset."""
        at, table = self._skip(0), ""
        while at < len(self.text):
            if self.text[at] == "[":
                at, table = self._header(at)
            else:
                at = self._pair(at, table)
            at = self._skip(at)
        return self.found

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def _note(self, path: str, at: int) -> None:
        if path in self.wanted:
            self.found.setdefault(path, at)

    def _header(self, at: int) -> tuple[int, str]:
        """A line ``[table]`` or ``[[list of tables]]``."""
        double = self.text.startswith("[[", at)
        parts, end = self._keys(at + 1 + double)
        path = ""
        for place, part in enumerate(parts, 1):
            path = f"{path}.{part}".lstrip(".")
            if double and place == len(parts):
                self._note(path, at)
                self.counts[path] = self.counts.get(path, 0) + 1
            if path in self.counts:
                path = f"{path}[{self.counts[path]}]"
            self._note(path, at)
        return end + 1 + double, path

    def _keys(self, at: int) -> tuple[list[str], int]:
        """The parts of a dotted key, and where it ends."""
        parts: list[str] = []
        while True:
            blank = _BLANK.match(self.text, at)
            key = _KEY.match(self.text, blank.end() if blank else at)
            if key is None:  # not TOML: tomllib would have said so
                return parts, len(self.text)
            parts.append(_name(key))
            blank = _BLANK.match(self.text, key.end())
            at = blank.end() if blank else key.end()
            if not self.text.startswith(".", at):
                return parts, at
            at += 1

    def _pair(self, at: int, table: str) -> int:
        """``key = value``; where it ends."""
        parts, end = self._keys(at)
        path = table
        for part in parts:
            path = f"{path}.{part}".lstrip(".")
            self._note(path, at)
        blank = _BLANK.match(self.text, end + 1)
        return self._value(blank.end() if blank else end + 1, path)

    def _value(self, at: int, path: str) -> int:
        if self.text.startswith("[", at):
            return self._items(at + 1, path)
        if self.text.startswith("{", at):
            return self._inline(at + 1, path)
        found = _TEXT.match(self.text, at) or _PLAIN.match(self.text, at)
        return found.end() if found else at + 1

    def _items(self, at: int, path: str) -> int:
        """A list: its items are told apart when one of them is wanted, or may hold what is."""
        number, named = 0, path in self.lists
        at = self._skip(at)
        while at < len(self.text) and self.text[at] != "]":
            number += 1
            inner = f"{path}[{number}]" if named else ""
            if named:
                self._note(inner, at)
            at = self._skip(self._value(at, inner))
            if self.text.startswith(",", at):
                at = self._skip(at + 1)
        return at + 1

    def _inline(self, at: int, path: str) -> int:
        at = self._skip(at)
        while at < len(self.text) and self.text[at] != "}":
            at = self._skip(self._pair(at, path))
            if self.text.startswith(",", at):
                at = self._skip(at + 1)
        return at + 1
