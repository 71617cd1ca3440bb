# SPDX-License-Identifier: Apache-2.0
"""What ran, from the JUnit file that the tests write: node id → state. No machine's name is taken."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from rempart.adapters.text_input import read_text
from rempart.errors import BadInput
from rempart.records.canonical import sha256_id

_WORSE = {"passed": 0, "skipped": 1, "failed": 2}
_OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


@dataclass(slots=True)
class JUnit:
    """``states``: node id without parameters → the worst of its outcomes; ``made``: when the run began, as written; ``count``: cases."""

    states: dict[str, str] = field(default_factory=dict)
    made: str = ""
    count: int = 0
    sha256: str = ""
    _case: str = ""

    def begin(self, name: str, told: dict[str, Any]) -> None:
        """An element opens."""
        if name == "testsuite":
            self.made = min(filter(None, [self.made, told.get("timestamp", "")]), default="")
        elif name == "testcase":
            self._case, self.count = node_id(told.get("classname", ""), told.get("name", "")), self.count + 1
            self._worst("passed")
        elif self._case and name in _OUTCOMES:
            self._worst(_OUTCOMES[name])

    def end(self, name: str) -> None:
        """An element closes."""
        if name == "testcase":
            self._case = ""

    def _worst(self, state: str) -> None:
        before = self.states.get(self._case, state)
        self.states[self._case] = max(before, state, key=_WORSE.__getitem__)


def node_id(classname: str, name: str) -> str:
    """``tests.law.test_docs`` and ``test_a[x]`` → ``tests/law/test_docs.py::test_a``."""
    return f"{classname.replace('.', '/')}.py::{name.partition('[')[0]}"


def read_junit(path: Path) -> JUnit:
    """The file's outcomes; raises BadInput ``junit-form`` (no XML, or one with declarations of its own), ``file-missing``."""
    text, found = read_text(path), JUnit()
    parser = ParserCreate()
    parser.StartElementHandler = found.begin
    parser.EndElementHandler = found.end
    parser.StartDoctypeDeclHandler = lambda *_: _refuse(path)
    try:
        parser.Parse(text.encode(), True)
    except ExpatError as error:
        raise BadInput("junit-form", file=path.name) from error
    if not found.count:
        _refuse(path)
    found.sha256 = sha256_id(path.read_bytes())
    return found


def _refuse(path: Path) -> None:
    raise BadInput("junit-form", file=path.name)
