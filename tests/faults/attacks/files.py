# SPDX-License-Identifier: Apache-2.0
"""Attacks by files: what a researcher's code wrote to carry data out, what hides beside what is seen; our pictures of hidden numbers."""

import html
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rempart.adapters.figures import draw
from rempart.adapters.package_data import toml
from rempart.disclosure.check import check
from rempart.disclosure.files import cleaned
from rempart.release.tables import table_csv
from tests.disclosure_rows import RULES, submission
from tests.faults.attacks.attack import Attack, Outcome
from tests.hostile_files import harmless, hostile, rewritten

FORMS = toml("disclosure/files.toml")
HOSTILE, HARMLESS, REWRITTEN = list(hostile()), list(harmless()), list(rewritten())
_NUMBER, _SAID = re.compile(r"\d+(?:\.\d+)?"), re.compile(r"\d[\d,.]*")
_LABEL = re.compile(r'aria-label="([^"]*)"')


def attacks(count: int, seed: int) -> Iterator[Attack]:
    """Every file of the corpus at full size, some of each at a smaller one; ``count`` pictures."""
    drawn = random.Random(seed)
    for what, name, kind, data in _some(HOSTILE, count, drawn):
        yield Attack(kind=f"hostile {kind or 'file'}", name=what, run=_sent(name, kind, data, b""))
    for what, name, kind, data, secret in _some(REWRITTEN, count, drawn):
        yield Attack(kind="hidden beside what is seen", name=what, run=_sent(name, kind, data, secret))
    for number in range(min(count, _PICTURES)):
        yield Attack(kind="picture of a hidden number", name=f"of seed {seed}, {number}", run=_pictured(drawn))


def honest(count: int, seed: int) -> Iterator[Attack]:
    """Files that anybody may send; one that is stopped is a false alarm."""
    for what, name, kind, data in _some(HARMLESS, count, random.Random(seed)):
        yield Attack(kind=f"honest {kind}", name=what, run=_passes(name, kind, data))


_PICTURES = 6
_ALL = 20


def _some(corpus: Sequence[Any], count: int, drawn: random.Random) -> Sequence[Any]:
    """All of them from ``_ALL`` on; else so many of each ten."""
    return corpus if count >= _ALL else drawn.sample(corpus, min(len(corpus), count * 8))


def _sent(name: str, kind: str, data: bytes, secret: bytes) -> Callable[[], Outcome]:
    def run() -> Outcome:
        leaves = cleaned(name, data, kind, FORMS)
        through = leaves == data or bool(secret and secret in leaves)
        return Outcome(stopped=not through, by="written anew" if not through else f"{name} leaves as it is")

    return run


def _passes(name: str, kind: str, data: bytes) -> Callable[[], Outcome]:
    def run() -> Outcome:
        leaves = cleaned(name, data, kind, FORMS)
        return Outcome(stopped=bool(leaves), by="passed" if leaves else f"{name} stopped")

    return run


def _pictured(drawn: random.Random) -> Callable[[], Outcome]:
    """Figures of a submission with few events: no number stands in them that the checked tables do not hold."""
    events = (drawn.randint(1, 10), drawn.randint(40, 90))

    def run() -> Outcome:
        tables = check(submission(events), RULES)
        told = {float(n) for table in tables for n in _NUMBER.findall(table_csv(table).decode())}
        for name, data in draw(tables, language="en").items():
            if name.endswith(".svg"):
                # under the title stand the width of intervals and where an axis begins: no values
                marks = [
                    text
                    for text in _LABEL.findall(data.decode())
                    if ":" in text and not text.startswith("Subtitle text")
                ]
                said = {
                    float(n.replace(",", "").rstrip(".")) for text in marks for n in _SAID.findall(html.unescape(text))
                }
                if said - told:
                    return Outcome(stopped=False, by=f"{min(said - told)} in {name}")
        return Outcome(stopped=True, by="drawn from checked tables")

    return run
