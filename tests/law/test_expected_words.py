# SPDX-License-Identifier: Apache-2.0
"""What a wrong field of a study file should hold is said in French too: every text that a reader can say has its form."""

import ast
from collections.abc import Iterator

import pytest

from rempart.cli.expected_words import in_language
from rempart.records.code_lists import FORMS
from tests.law.tree import Module, at, none, snippet, source

# Readers of other files, whose errors have words of their own.
OTHERS = frozenset({"rempart.records.descriptor", "rempart.records.descriptor_form"})
AS_IT_IS = frozenset({"drug"})  # a word of the language itself


def said(module: Module) -> Iterator[tuple[int, str]]:
    """(line, text) of what ``wrong`` and forms expect; 5 stands for whatever is filled in."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        named = [word.value for word in node.keywords if word.arg == "expected" and name in {"Text", "Texts"}]
        for value in [*named, *(node.args[1:2] if name == "wrong" else ())]:
            for text in _texts(value):
                yield node.lineno, text


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value] if node.value.strip() else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "5" for part in node.values)]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.BinOp):
        return [before + "5" for before in _texts(node.left)]
    return []


def unsaid(module: Module) -> list[str]:
    """Texts that French has no form for."""
    texts = [(line, text.replace("5", "text", 1) if text.startswith("5") else text) for line, text in said(module)]
    return [
        at(module, line, f"no French for: {text}")
        for line, text in texts
        if text not in AS_IT_IS
        and in_language(text, "fr") == text
        and in_language(text.replace("5", "text"), "fr") == text.replace("5", "text")
    ]


def test_every_expectation_of_a_reader_is_said_in_french() -> None:
    modules = [module for module in source() if module.room == "records" and module.name not in OTHERS]
    assert sum(len(list(said(module))) for module in modules) > 50
    none([complaint for module in modules for complaint in unsaid(module)])


def test_a_text_without_french_is_caught() -> None:
    assert unsaid(snippet("raise given.wrong('a', 'something quite new')\n"))
    assert unsaid(snippet("raise given.wrong('a', f'quite new {x}')\n"))
    assert unsaid(snippet("x = Text(expected='something quite new')\n"))
    assert not unsaid(snippet("raise given.wrong('a', f'a whole number from {low} to {high}')\n"))


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("a whole number from 0 to 3660", "un nombre entier de 0 à 3660"),
        ("text (it is missing)", "du texte (la clé manque)"),
        (
            'a list of CIP13 codes, each once: 13 digits; not "C67" (it looks like CIM10)',
            'une liste de codes CIP13, chacun une fois : 13 chiffres ; non "C67" (on dirait CIM10)',
        ),
        ("one of first, every or a table", "l'une de ces valeurs : first, every ou une table"),
        ("what nobody says", "what nobody says"),
    ],
)
def test_texts_are_said_with_what_fills_them(english: str, french: str) -> None:
    assert in_language(english, "fr") == french
    assert in_language(english, "en") == english


def test_the_form_of_every_system_is_said() -> None:
    for name, form in FORMS.items():
        text = f"a list of {name} codes, each once: {form.hint}"
        assert in_language(text, "fr").startswith("une liste de codes"), text
