# SPDX-License-Identifier: Apache-2.0
"""Nothing depends on the machine's language or time zone: text is opened with its encoding, instants carry theirs."""

import ast
import re

import pytest

from tests.law.tree import Module, at, calls, none, python_files, snippet, source

NAIVE = {"datetime.datetime.now": 1, "datetime.datetime.fromtimestamp": 2}
LOCAL = frozenset(
    """datetime.datetime.utcnow datetime.datetime.utcfromtimestamp datetime.datetime.today datetime.date.today
    time.localtime time.ctime time.strftime time.mktime time.asctime locale.setlocale locale.getpreferredencoding""".split()
)
LANGUAGE_OF_THE_MACHINE = re.compile(r"%[aAbBcxXpZ]")
TEXT_METHODS = frozenset({"read_text", "write_text"})
OTHER_MODES = ("tarfile", "zipfile", "os.open", "webbrowser")


def pitfalls(module: Module) -> list[str]:
    """Calls whose answer depends on the locale or on the local time zone."""
    found = []
    for call, name in calls(module):
        given = {word.arg for word in call.keywords}
        last = name.split(".")[-1] or (call.func.attr if isinstance(call.func, ast.Attribute) else "")
        if name in LOCAL or (name in NAIVE and len(call.args) < NAIVE[name] and "tz" not in given):
            found.append(at(module, call.lineno, f"{name}: the local time zone"))
        if last == "strftime" and any(_has_locale_field(value) for value in call.args):
            found.append(at(module, call.lineno, "strftime with the machine's language"))
        if "encoding" not in given and (_opens_text(call, name, last) or _reads_text(call, last)):
            found.append(at(module, call.lineno, f"{last} without encoding"))
        if name.startswith("subprocess.") and "encoding" not in given and given & {"text", "universal_newlines"}:
            found.append(at(module, call.lineno, f"{name} with text and without encoding"))
    return found


def _has_locale_field(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and bool(LANGUAGE_OF_THE_MACHINE.search(str(value.value)))


def _reads_text(call: ast.Call, last: str) -> bool:
    positional = {"read_text": 1, "write_text": 2}
    return last in TEXT_METHODS and isinstance(call.func, ast.Attribute) and len(call.args) < positional[last]


def _opens_text(call: ast.Call, name: str, last: str) -> bool:
    if last not in {"open", "fdopen", "TextIOWrapper", "NamedTemporaryFile"} or name.startswith(OTHER_MODES):
        return False
    if last == "TextIOWrapper":
        return len(call.args) < 2
    is_method = isinstance(call.func, ast.Attribute) and name.split(".")[0] not in {"io", "os", "gzip", "builtins"}
    position = 0 if is_method or last == "NamedTemporaryFile" else 1
    mode = next((word.value for word in call.keywords if word.arg == "mode"), None)
    if mode is None and len(call.args) > position:
        mode = call.args[position]
    if mode is None:
        return name == "open" or last == "fdopen"
    is_text = isinstance(mode, ast.Constant) and isinstance(mode.value, str) and "b" not in mode.value
    return is_text and (name.split(".")[0] != "gzip" or "t" in str(getattr(mode, "value", "")))


def test_nothing_depends_on_the_machines_language_or_time_zone() -> None:
    none(
        [
            complaint
            for module in (*source(), *python_files("tests"), *python_files("bench"))
            for complaint in pitfalls(module)
        ]
    )


@pytest.mark.parametrize(
    "text",
    [
        "x = open('a')\n",
        "x = open('a', 'w')\n",
        "x = p.open('r')\n",
        "x = p.read_text()\n",
        "p.write_text('a')\n",
        "import gzip\nx = gzip.open('a', 'rt')\n",
        "import os\nx = os.fdopen(3)\n",
        "import io\nx = io.TextIOWrapper(b)\n",
        "from datetime import datetime\nx = datetime.now()\n",
        "import datetime\nx = datetime.datetime.fromtimestamp(0)\n",
        "import datetime\nx = datetime.date.today()\n",
        "import datetime\nx = datetime.datetime.utcnow()\n",
        "import time\nx = time.localtime()\n",
        "x = d.strftime('%d %B %Y')\n",
        "import subprocess\nx = subprocess.run(['a'], text=True)\n",
    ],
)
def test_a_pitfall_is_caught(text: str) -> None:
    assert pitfalls(snippet(text))


@pytest.mark.parametrize(
    "text",
    [
        "x = open('a', 'rb')\n",
        "x = open('a', encoding='utf-8')\n",
        "x = p.open('wb')\n",
        "x = p.read_text(encoding='utf-8')\n",
        "x = p.read_text('utf-8')\n",
        "p.write_text('a', 'utf-8')\n",
        "import gzip\nx = gzip.open('a')\n",
        "import os\nx = os.open('a', os.O_RDONLY)\n",
        "import datetime\nx = datetime.datetime.now(datetime.UTC)\n",
        "import datetime\nx = datetime.datetime.fromtimestamp(0, tz=datetime.UTC)\n",
        "x = d.strftime('%Y-%m-%d')\n",
        "import tarfile\nx = tarfile.open('a', 'w')\n",
    ],
)
def test_an_explicit_call_is_left_alone(text: str) -> None:
    assert not pitfalls(snippet(text))
