# SPDX-License-Identifier: Apache-2.0
"""Counts of objections are of names: what is said of them tells how many wait for a person, and nothing where none does."""

from pathlib import Path

import pytest

from rempart.cli.objection_commands import add, list_, withdraw
from rempart.cli.session import Session
from rempart.cli.voice import Voice
from rempart.journeys.objections import Changed, Standing
from rempart.wiring.objections import Recorded

WORDS = {"en": "nobody under them yet: 4;", "fr": "encore personne : 4 ;"}
HEADS = {"en": ("names", "waiting"), "fr": ("noms", "en attente")}


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("waiting", [4, 0])
@pytest.mark.parametrize("verb", ["add", "withdraw"])
def test_a_change_says_how_many_of_its_counts_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str, waiting: int, verb: str
) -> None:
    done = Recorded(changed=Changed(standing=9, waiting=waiting, changed=5, named=3, known=3), applied=())
    monkeypatch.setattr("rempart.cli.objection_commands._change", lambda *_: done)
    session = Session(voice=Voice(language, as_json=False), directory=Path())
    if verb == "add":
        add(session, Path(), regime="snds", key=Path())
    else:
        withdraw(session, Path(), key=Path())
    assert (WORDS[language] in capsys.readouterr().out) == bool(waiting)


@pytest.mark.parametrize("language", WORDS)
def test_the_list_tells_waiting_names_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    found = [Standing(regime="snds", persons=9, first="2026-01", last="2026-02", known=5, waiting=4)]
    monkeypatch.setattr("rempart.wiring.objections.standing", lambda _: found)
    monkeypatch.setattr("rempart.wiring.warehouse.Warehouse", lambda _: None)
    assert list_(Session(voice=Voice(language, as_json=False), directory=Path())) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert " 9 4 2026-01 2026-02 " in text
    assert all(head in text for head in HEADS[language])
    assert WORDS[language] in text
