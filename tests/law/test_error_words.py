# SPDX-License-Identifier: Apache-2.0
"""Every error code that the source can raise has its words in English and French, and every word has its code."""

import ast
import re
import string
from collections.abc import Mapping
from typing import Any

import pytest

from rempart.adapters.package_data import joined
from tests.law.tree import Module, at, calls, none, snippet, source

FAMILIES = frozenset({"Refused", "NotTrusted", "Missing", "BadInput", "Unavailable", "Cancelled"})
CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LANGUAGES = ("en", "fr")
Words = Mapping[str, Mapping[str, str]]


def words(language: str) -> Words:
    """code → {"message", "hint"} of one language, the files of all areas together."""
    found: Words = joined(f"locale/{language}.toml", f"errors-*.{language}.toml")["errors"]
    return found


def raised(module: Module) -> list[tuple[ast.Call, str | None]]:
    """Each making of an error with its code; None where the code is not written out."""
    found = []
    for call, name in calls(module):
        if name.split(".")[-1] in FAMILIES:
            first = call.args[0] if call.args else None
            literal = isinstance(first, ast.Constant) and isinstance(first.value, str)
            found.append((call, first.value if literal else None))  # type: ignore[union-attr]
    return found


def unworded(module: Module, known: Mapping[str, Words]) -> list[str]:
    """Codes without words, codes that are not literal, and placeholders that a raise does not fill."""
    found = []
    for call, code in raised(module):
        if code is None or not CODE.fullmatch(code):
            found.append(at(module, call.lineno, "the code of an error is written out, in kebab-case"))
            continue
        for language, table in known.items():
            if code not in table:
                found.append(at(module, call.lineno, f"[errors.{code}] is not in {language}.toml"))
                continue
            missing = fields(table[code]) - {word.arg for word in call.keywords}
            if missing and not any(word.arg is None for word in call.keywords):
                found.append(at(module, call.lineno, f"{code} ({language}) asks for {sorted(missing)}: not given"))
    return found


def fields(entry: Mapping[str, str]) -> set[str | None]:
    """Placeholders of a message and its hint."""
    parts = [part for text in entry.values() for part in string.Formatter().parse(text)]
    return {name for _, name, _, _ in parts if name is not None}


def badly_worded(table: Words) -> list[str]:
    """Entries that lack a message or a hint, or end in a full stop, or begin with a capital."""
    found = []
    for code, entry in table.items():
        if set(entry) != {"message", "hint"}:
            found.append(f"{code}: has {sorted(entry)}, wants message and hint")
        for key, text in entry.items():
            first = text.split(" ")[0]
            if not text or text.endswith(".") or (first[:1].isupper() and not first.isupper()):
                found.append(f"{code}.{key}: lower case, no final stop")
    return found


def test_every_code_has_words_in_both_languages() -> None:
    known = {language: words(language) for language in LANGUAGES}
    none([complaint for module in source() if module.name != "rempart.errors" for complaint in unworded(module, known)])


def test_no_words_are_without_a_code() -> None:
    codes = {code for module in source() for _, code in raised(module)}
    assert codes, "no error is raised anywhere: the law looks in the wrong place"
    none(
        [
            f"{lang}.toml: [errors.{code}] is raised nowhere"
            for lang in LANGUAGES
            for code in words(lang)
            if code not in codes
        ]
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_one_lower_case_line_with_a_hint(language: str) -> None:
    none(badly_worded(words(language)))


def test_both_languages_have_the_same_codes_and_placeholders() -> None:
    english, french = words("en"), words("fr")
    assert set(english) == set(french)
    none([f"{code}: placeholders differ" for code in english if fields(english[code]) != fields(french[code])])


def test_a_code_without_words_is_caught() -> None:
    known: dict[str, Words] = {"en": {"known": {"message": "no {file}", "hint": "look"}}}
    assert unworded(snippet("raise BadInput('unknown', file='a')\n"), known)
    assert unworded(snippet("raise BadInput('known')\n"), known)
    assert unworded(snippet("raise Refused(code, file='a')\n"), known)
    assert unworded(snippet("from rempart import errors\nraise errors.Refused('Not-Kebab')\n"), known)
    assert not unworded(snippet("raise BadInput('known', file='a')\n"), known)
    assert not unworded(snippet("raise BadInput('known', **facts)\n"), known)


def test_bad_words_are_caught() -> None:
    entries: list[dict[str, Any]] = [
        {"message": "Not found", "hint": "look"},
        {"message": "not found.", "hint": "look"},
        {"message": "not found"},
    ]
    assert all(badly_worded({"code": entry}) for entry in entries)
    assert not badly_worded({"code": {"message": "SNDS file not found", "hint": "look"}})


def test_whatever_the_audit_counts_has_its_word() -> None:
    """``audit verify`` names each count; a rule that counts something new would otherwise end every audit."""
    counted = {
        name
        for module in source()
        if module.name.startswith("rempart.audit.")
        for name in re.findall(r'counts\["([a-z-]+)"\] \+=', module.text)
    }
    assert len(counted) > 15
    for language in LANGUAGES:
        said = joined(f"locale/commands.{language}.toml")["say"]
        none([f"{language}: counted-{name}" for name in sorted(counted) if f"counted-{name}" not in said])
