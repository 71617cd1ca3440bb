# SPDX-License-Identifier: Apache-2.0
"""How the command line speaks: words in French and English from data files, tables, progress bars, or one JSON object.

Manners: results on standard output; bars, warnings and errors on standard error, lower case, with the next step.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from getpass import getpass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from rempart.adapters.package_data import joined
from rempart.errors import Refused, RempartError

if TYPE_CHECKING:
    from rempart.cli.bars import Bars

LANGUAGES = ("en", "fr")
_NAMING = ("field", "key", "name", "near", "what", "given")  # facts that repeat what somebody called something
_LONG_NAME = re.compile(r"([^.\[\]]{60})[^.\[\]]+")
_LONGEST = 400


def choose_language(asked: str | None, environment: Mapping[str, str]) -> str:
    """``--lang``, else REMPART_LANG, else French when the locale says so, else English."""
    for name in (asked, environment.get("REMPART_LANG"), environment.get("LC_ALL"), environment.get("LANG")):
        if name and name[:2].lower() in LANGUAGES:
            return name[:2].lower()
    return "en"


class Voice:
    """Speaks one language; in JSON mode only ``result`` and ``error`` are heard."""

    def __init__(self, language: str, *, as_json: bool) -> None:
        self.language, self.as_json = language, as_json
        self._commands = joined(f"locale/commands.{language}.toml")
        self._out = Console(file=sys.stdout, highlight=False, soft_wrap=True, emoji=False, markup=False)
        self._err = Console(file=sys.stderr, highlight=False, soft_wrap=True, emoji=False, markup=False)

    @cached_property
    def _errors(self) -> dict[str, dict[str, str]]:
        """Words of errors, which most commands never need."""
        found: dict[str, dict[str, str]] = joined(f"locale/{self.language}.toml", f"errors-*.{self.language}.toml")[
            "errors"
        ]
        return found

    def help(self, *path: str) -> str:
        """Help words of a command or of one of its parameters."""
        value: Any = self._commands["help"]
        for name in path:
            value = value[name]
        return str(value if isinstance(value, str) else value["about"])

    def word(self, key: str, /, **facts: str | int) -> str:
        """One sentence of the ``say`` block, filled."""
        return str(self._commands["say"][key]).format(**facts)

    def say(self, key: str, /, **facts: str | int) -> None:
        """A sentence on standard output."""
        if not self.as_json:
            self._out.print(self.word(key, **facts))

    def number(self, text: str) -> str:
        """A number that is written with a point, as the language writes it."""
        return text.replace(".", self.word("decimal-mark"))

    @staticmethod
    def when(instant: str | int) -> str:
        """An ISO instant in UTC to the minute, as people read it."""
        return str(instant)[:16].replace("T", " ") + " UTC"

    def plain(self, text: str = "", *, style: str | None = None) -> None:
        """Text that is not a word of ours: a path, a number, a quoted command."""
        if not self.as_json:
            self._out.print(text, style=style)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str | int | float]]) -> None:
        """A table whose column names are keys of the ``say`` block; numbers are right-aligned."""
        if self.as_json:
            return
        grid = Table(box=None, pad_edge=False, header_style="bold")
        for position, column in enumerate(columns):
            number = bool(rows) and isinstance(rows[0][position], int | float)
            grid.add_column(self.word(column), justify="right" if number else "left", overflow="fold")
        for row in rows:
            grid.add_row(*(f"{cell:,}".replace(",", " ") if isinstance(cell, int) else str(cell) for cell in row))
        self._out.print(grid)

    @property
    def at_terminal(self) -> bool:
        """Whether somebody can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def ask_passphrase(self, *, twice: bool = False, word: str = "ask-passphrase", **facts: str) -> str:
        """A passphrase typed at the terminal, never echoed; ``word`` asks for it with these facts.

        Raises Refused ``passphrase-nobody`` or ``passphrases-differ``.
        """
        if not self.at_terminal:
            raise Refused("passphrase-nobody")
        first = getpass(self.word(word, **facts))
        if twice and getpass(self.word("ask-passphrase-again")) != first:
            raise Refused("passphrases-differ")
        return first

    def ask_hidden(self, word: str) -> str:
        """A line typed at the terminal, never echoed; raises Refused ``typed-nobody``."""
        if not self.at_terminal:
            raise Refused("typed-nobody")
        return getpass(self.word(word))

    def ask_key_passphrase(self) -> str:
        """A new person's key passphrase; an empty answer means none."""
        return getpass(self.word("ask-key-passphrase"))

    def bars(self) -> "Bars":
        """Progress bars on standard error (nothing when that is no terminal)."""
        from rempart.cli.bars import Bars

        return Bars(self)

    def result(self, schema: str, data: Mapping[str, Any]) -> None:
        """The one JSON object of ``--json``."""
        if self.as_json:
            sys.stdout.write(
                json.dumps({"schema": f"rempart.{schema}/1", "ok": True, "data": data}, ensure_ascii=False) + "\n"
            )

    def error_line(self, error: RempartError) -> str:
        """What the error says, without its hint."""
        facts = shown(error.facts)
        if "expected" in facts and self.language != "en":
            from rempart.cli.expected_words import in_language

            facts["expected"] = in_language(str(facts["expected"]), self.language)
        return self._errors[error.code]["message"].format(**facts)

    def hint(self, error: RempartError) -> str:
        """What to do next; the likely spelling first, where the error knows one."""
        hint = self._errors[error.code]["hint"].format(**shown(error.facts))
        near = shown(error.facts).get("near")
        return self.word("did-you-mean", near=near, hint=hint) if near else hint

    def error(self, error: RempartError) -> None:
        """One line and a hint; or the JSON object with family, code, facts and hint."""
        self.problem(error.family, error.code, self.error_line(error), self.hint(error), **shown(error.facts))

    def after(self, error: BaseException) -> None:
        """What stands in spite of the error: its notes, words of the ``say`` block, on standard error."""
        for note in getattr(error, "__notes__", ()):
            self.warn(self.word(note))

    def problem(self, family: str, code: str, message: str, hint: str, /, **facts: str | int) -> None:
        """What went wrong, in words or as the JSON object of an error."""
        if self.as_json:
            told = {"family": family, "code": code, "facts": facts, "hint": hint}
            body = {"schema": "rempart.error/1", "ok": False, "data": {}, "error": told}
            sys.stdout.write(json.dumps(body) + "\n")  # escaped: a file's name may hold what no encoding carries
            return
        colon = self.word("colon")
        self._err.print(f"rempart{colon} {self.word('family-' + family.replace(' ', '-'))}{colon} {_harmless(message)}")
        if hint:
            self._err.print(f"rempart{colon} {self.word('hint')}{colon} {_harmless(hint)}")

    def warn(self, text: str) -> None:
        """A line on standard error."""
        self._err.print(f"rempart{self.word('colon')} {text}")

    @property
    def error_console(self) -> Console:
        """For the bars."""
        return self._err


def shown(facts: Mapping[str, str | int]) -> dict[str, str | int]:
    """The facts of an error as they are told: names of keys cut at 60 characters, and without what a terminal would obey."""
    return {name: _short(fact) if name in _NAMING and isinstance(fact, str) else fact for name, fact in facts.items()}


def _short(text: str) -> str:
    cut = _LONG_NAME.sub(r"\1…", _harmless(text))
    return cut if len(cut) <= _LONGEST else cut[:_LONGEST] + "…"


def _harmless(text: str) -> str:
    """Text that may repeat a file's name or key: nothing in it reaches the terminal as a command, a new line or lone bytes."""
    kept = "\u00a0\u202f"  # the spaces that French puts before a colon
    return "".join(
        mark if mark.isprintable() or mark in kept else mark.encode("unicode_escape").decode() for mark in text
    )
