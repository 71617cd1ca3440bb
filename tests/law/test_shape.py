# SPDX-License-Identifier: Apache-2.0
"""How code looks: small files, short functions, a licence line, docstrings, no drawer words, no assert as a rule."""

import ast
import re
import sys

import pytest

from tests.law.tree import Function, Module, at, functions, none, python_files, snippet, source

LICENCE = "# SPDX-License-Identifier: Apache-2.0"
FILE_LINES = 300
TEST_FILE_LINES = 600
FUNCTION_LINES = 40
POSITIONAL = 6
DRAWERS = frozenset(
    "utils util utilities common core base helpers helper manager managers misc tools lib shared stuff general".split()
)


def everything() -> tuple[Module, ...]:
    """Source, tests, benches and scripts."""
    return tuple(module for folder in ("src", "tests", "bench", "scripts") for module in python_files(folder))


def lines_of(function: Function) -> int:
    """Lines of a function with its signature, without its docstring and decorators."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        whole -= (first.end_lineno or first.lineno) - first.lineno + 1
    return whole


def too_long(module: Module) -> list[str]:
    """Files and functions beyond their size."""
    is_test = not module.name.startswith("rempart")
    count, limit = module.text.count("\n"), TEST_FILE_LINES if is_test else FILE_LINES
    found = [at(module, 1, f"{count} lines, at most {limit}")] if count > limit else []
    if is_test:
        return found
    return found + [
        at(module, function.lineno, f"{function.name}: {lines_of(function)} lines, at most {FUNCTION_LINES}")
        for function in functions(module)
        if lines_of(function) > FUNCTION_LINES
    ]


def too_many_arguments(module: Module) -> list[str]:
    """Functions with more positional arguments than a reader can keep in order."""
    return [
        at(module, function.lineno, f"{function.name}: {count} positional arguments, at most {POSITIONAL}")
        for function in functions(module)
        if (count := len([a for a in _positional(function) if a not in {"self", "cls"}])) > POSITIONAL
    ]


def _positional(function: Function) -> list[str]:
    return [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]


def undocumented(module: Module) -> list[str]:
    """The module, and public classes and functions at its top or in a public class, without a docstring."""
    found = [] if ast.get_docstring(module.tree) else [at(module, 1, "no module docstring")]
    owners: list[ast.Module | ast.ClassDef] = [module.tree]
    for owner in owners:
        for node in owner.body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not _is_overload(node):
                found.append(at(module, node.lineno, f"{node.name}: no docstring"))
            if isinstance(node, ast.ClassDef):
                owners.append(node)
    return found


def _is_overload(node: ast.ClassDef | Function) -> bool:
    return any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)


def asserts(module: Module) -> list[str]:
    """Rules held by `assert`, which vanish under -O."""
    return [at(module, n.lineno, "assert holds a rule") for n in ast.walk(module.tree) if isinstance(n, ast.Assert)]


def broad_excepts(module: Module) -> list[str]:
    """Handlers that catch everything and do not raise it again, or swallow what they catch."""
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        broad = any(kind is None or (isinstance(kind, ast.Name) and kind.id in BROAD) for kind in caught)
        if broad and not _raises_again(node):
            found.append(at(module, node.lineno, "catches everything"))
        if all(isinstance(step, ast.Pass) for step in node.body):
            found.append(at(module, node.lineno, "swallows what it catches"))
    return found


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


BROAD = frozenset({"Exception", "BaseException"})
# The doors and the processes turn a defect into exit 70 and a crash file: there, and only there, all is caught.
CATCH_ALL = frozenset(
    {"rempart.cli.app", "rempart.worker", "rempart.broker", "rempart.agent", "rempart.witness", "rempart.keeper"}
)


def test_files_and_functions_are_small() -> None:
    none([complaint for module in everything() for complaint in too_long(module)])


def test_the_mean_function_is_short() -> None:
    sizes = [lines_of(function) for module in source() for function in functions(module)]
    mean = sum(sizes) / len(sizes)
    sys.stdout.write(f"mean function: {mean:.1f} lines over {len(sizes)} functions\n")
    assert mean <= 16, f"mean function {mean:.1f} lines"


def test_functions_take_few_positional_arguments() -> None:
    none([complaint for module in source() for complaint in too_many_arguments(module)])


def test_every_python_file_begins_with_its_licence() -> None:
    none([at(module, 1, "no licence line") for module in everything() if not module.text.startswith(LICENCE + "\n")])


def test_what_is_public_says_what_it_is() -> None:
    none([complaint for module in source() for complaint in undocumented(module)])


def test_no_rule_is_held_by_assert() -> None:
    none([complaint for module in source() for complaint in asserts(module)])


def test_nothing_catches_everything_but_the_doors() -> None:
    none([c for module in source() if module.name not in CATCH_ALL for c in broad_excepts(module)])


def test_no_module_is_named_like_a_drawer() -> None:
    none([at(m, 1, "is a drawer word") for m in source() if DRAWERS & set(re.split(r"[._]", m.name))])


def test_a_file_that_is_too_long_is_caught() -> None:
    assert too_long(snippet("x = 1\n" * 301))
    assert not too_long(snippet("x = 1\n" * 300))
    assert not too_long(snippet("x = 1\n" * 301, "law.test_example"))


def test_a_function_that_is_too_long_is_caught() -> None:
    body = "    x = 1\n" * 40
    assert too_long(snippet("def f():\n" + body))
    assert not too_long(snippet('def f():\n    """Say.\n\n    More.\n    """\n' + body[: 10 * 39]))


def test_a_positional_crowd_is_caught() -> None:
    assert too_many_arguments(snippet("def f(a, b, c, d, e, f, g): ...\n"))
    assert not too_many_arguments(snippet("def f(self, a, b, c, d, e, f, *, g, h): ...\n"))


@pytest.mark.parametrize(
    "text",
    [
        "def f(): ...\n",
        '"""M."""\ndef f(): ...\n',
        '"""M."""\nclass A:\n    """A."""\n    def f(self): ...\n',
        '"""M."""\nclass A: ...\n',
    ],
)
def test_a_missing_docstring_is_caught(text: str) -> None:
    assert undocumented(snippet(text))


def test_private_things_need_no_docstring() -> None:
    assert not undocumented(snippet('"""M."""\ndef _f(): ...\nclass _A:\n    def g(self): ...\n'))


def test_an_assert_and_a_broad_except_are_caught() -> None:
    assert asserts(snippet("assert x\n"))
    assert broad_excepts(snippet("try:\n    x\nexcept Exception as e:\n    y = 1\n"))
    assert not broad_excepts(snippet("try:\n    x\nexcept BaseException:\n    undo()\n    raise\n"))
    assert broad_excepts(snippet("try:\n    x\nexcept:\n    y\n"))
    assert broad_excepts(snippet("try:\n    x\nexcept (OSError, BaseException):\n    y\n"))
    assert broad_excepts(snippet("try:\n    x\nexcept OSError:\n    pass\n"))
    assert not broad_excepts(snippet("try:\n    x\nexcept OSError:\n    y = 1\n"))
