# SPDX-License-Identifier: Apache-2.0
"""Everything a person reads exists in English and in French, with the same blanks, and every word the doors ask for exists."""

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.law.tree import SOURCE, Module, at, none, snippet, source

LOCALE = SOURCE / "rempart" / "locale"
ASKING = frozenset({"word", "say"})
TITLE = re.compile(r"column-[a-z0-9-]+")


def texts(table: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, text) of every text in nested tables."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from texts(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(value)


def blanks(text: str) -> set[str]:
    """Names of the placeholders of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def differences(english: dict[str, Any], french: dict[str, Any]) -> list[str]:
    """Keys that only one language has, and texts whose blanks differ."""
    one, other = dict(texts(english)), dict(texts(french))
    found = [f"{key}: in one language only" for key in sorted(set(one) ^ set(other))]
    return found + [
        f"{key}: blanks differ" for key in sorted(set(one) & set(other)) if blanks(one[key]) != blanks(other[key])
    ]


def unknown_words(module: Module, said: set[str]) -> list[str]:
    """Literal keys of ``voice.word``/``voice.say``, names of ``progress.step`` and titles of columns that no locale file has."""
    found = []
    for node in ast.walk(module.tree):
        for item in node.elts if isinstance(node, ast.List) else ():
            title = str(item.value) if isinstance(item, ast.Constant) else ""
            if TITLE.fullmatch(title) and title not in said:
                found.append(at(module, node.lineno, f"[say] {title}: no such words"))
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        first = node.args[0]
        if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
            continue
        is_voice = "voice" in ast.unparse(node.func.value)
        key = first.value if node.func.attr in ASKING and is_voice else ""
        if node.func.attr == "step" and len(node.args) == 3:
            key = f"step-{first.value}"
        if key and key not in said:
            found.append(at(module, node.lineno, f"[say] {key}: no such words"))
    return found


def read(path: Path) -> dict[str, Any]:
    """A locale file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def pairs() -> list[tuple[Path, Path]]:
    """English files with their French ones: ``en.toml``, ``commands.en.toml``…"""
    return [(path, path.with_name(path.name.replace("en.toml", "fr.toml"))) for path in sorted(LOCALE.glob("*en.toml"))]


def test_both_languages_say_the_same_things() -> None:
    assert pairs()
    none([f"{one.name}: {told}" for one, other in pairs() for told in differences(read(one), read(other))])


def test_no_french_file_is_without_its_english_one() -> None:
    assert {other.name for _, other in pairs()} == {path.name for path in LOCALE.glob("*fr.toml")}


def test_every_word_that_is_asked_for_exists() -> None:
    said = {key.removeprefix("say.") for one, _ in pairs() for key, _ in texts(read(one)) if key.startswith("say.")}
    asked = [complaint for module in source() for complaint in unknown_words(module, said)]
    none(asked if said else [])


def test_a_difference_between_languages_is_caught() -> None:
    assert differences({"say": {"a": "x"}}, {"say": {}})
    assert differences({"say": {"a": "x {n}"}}, {"say": {"a": "x"}})
    assert not differences({"say": {"a": "x {n}"}}, {"say": {"a": "{n} y"}})


def test_an_unknown_word_is_caught() -> None:
    assert unknown_words(snippet("voice.say('lost')\n"), {"found"})
    assert unknown_words(snippet("self._voice.word('lost')\n"), {"found"})
    assert unknown_words(snippet("progress.step('lost', 1, 2)\n"), {"found"})
    assert unknown_words(snippet("columns = ['column-lost']\n"), {"found"})
    assert not unknown_words(snippet("voice.say('found')\nact.say('fact', 1)\n"), {"found"})
