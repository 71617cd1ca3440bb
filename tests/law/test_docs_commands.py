# SPDX-License-Identifier: Apache-2.0
"""Every `rempart …` line that a page shows is a command as it is: known words, known options, nothing that is missing.

Runs none of them; the README's walk runs its own.
"""

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App, CycloptsError

from rempart.cli.app import _take_global, build
from rempart.cli.session import Session
from rempart.cli.voice import Voice

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SUBSTITUTION = re.compile(r"\$\([^)]*\)")
PAGES = [page for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if "evidence" not in page.parts]


def commands(text: str) -> Iterator[str]:
    """The command lines of a page's shell blocks that begin with ``rempart``; continued lines joined, prompts taken off."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            typed = line.strip().removeprefix("$ ")
            if typed.startswith("rempart "):
                yield typed


def words(line: str) -> list[str]:
    """What the shell would pass on: no comment, no redirection, what stands before a pipe or a second command."""
    kept: list[str] = []
    for word in shlex.split(SUBSTITUTION.sub("X", line), comments=True):
        if word in {"|", "&&", "||", ";"} or re.fullmatch(r"[0-9]*[<>].*", word):
            break
        kept.append(word)
    return kept[1:]


@functools.cache
def tree() -> App:
    """The commands as the door builds them."""
    return build(Session(voice=Voice(language="en", as_json=False), directory=Path()))


def complaint(line: str) -> str:
    """Why the command line would not be taken; '' when it would."""
    arguments = words(line)
    _take_global(arguments)
    if "--help" in arguments:
        return ""
    try:
        tree().parse_args(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return f"{line}: {error}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_that_a_page_shows_are_taken_as_they_stand(page: Path) -> None:
    found = [complaint(line) for line in commands(page.read_text(encoding="utf-8"))]
    assert not [line for line in found if line], "\n".join(filter(None, found))


@pytest.mark.parametrize("line", ["rempart keys rotat", "rempart backup", "rempart vault hash --deeply"])
def test_a_command_that_does_not_exist_is_caught(line: str) -> None:
    assert complaint(line)


def test_pages_do_show_commands() -> None:
    assert sum(len(list(commands(page.read_text(encoding="utf-8")))) for page in PAGES) > 40
