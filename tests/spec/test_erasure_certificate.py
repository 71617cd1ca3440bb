# SPDX-License-Identifier: Apache-2.0
"""What the certificate of an erasure says of what stays, on a ledger in memory."""

from types import SimpleNamespace
from typing import Any

import pytest

from rempart.journeys.erasure import Eraser, Erasure, erase
from rempart.journeys.recorded import Recorder
from rempart.records.canonical import content_id
from rempart.records.document import SignedDocument
from rempart.records.signature import sign
from rempart.wiring.erasure import page
from tests.disclosure_rows import toml
from tests.properties.across_histories import entered
from tests.properties.keys_story import MemoryLedger, SeededRandomness
from tests.properties.ledger_story import SPACE, Story, key_of, true_story


def certificate(story: Story) -> SignedDocument:
    """Of the erasure of a project, after that story."""
    ledger = MemoryLedger()
    ledger.held = story.leaves
    names = ["project:glitazones/person/main/1"]

    def certify(body: Any) -> SignedDocument:
        over = content_id(body)
        people = tuple(sign(key_of(name), actor=name, over=over) for name in ("olga", "otto"))
        return SignedDocument(body=body, signatures=people)

    broker: Any = SimpleNamespace(
        grant=lambda request: ("g",), erase=lambda reference: names.clear(), key_names=lambda space: list(names)
    )
    documents: Any = SimpleNamespace(get=story.fetch, put=story.put)
    clock = SimpleNamespace(now=lambda: story.now)
    eraser = Eraser(
        recorder=Recorder(ledger=ledger, clock=clock, randomness=SeededRandomness()),
        broker=broker,
        documents=documents,
        warehouse="w",
        controller="the house",
        run="E-1",
        shred=lambda name: None,
        certify=certify,
        named_step=lambda step: None,
    )
    what = Erasure(space=SPACE, reach="space", epochs=(1,), keys=tuple(names), heads=("sha256:1",), standing=())
    body = what.document(warehouse="w", date="2026-11-23", presented=[], declared=[])
    return erase(eraser, what, certify(body), actor="salted:a")


@pytest.mark.parametrize(("language", "said"), [("en", "what stays, on purpose"), ("fr", "ce qui reste, à dessein")])
def test_a_certificate_says_that_the_register_of_released_sets_stays(language: str, said: str) -> None:
    story = true_story()
    entered(story)
    signed = certificate(story)
    assert signed.body["stays"] == ["disclosure"]
    assert f"| {said} |" in page(signed, toml(f"locale/erasure.{language}.toml"))


def test_a_certificate_says_nothing_of_a_register_where_nothing_stands_and_one_of_before_is_a_page_still() -> None:
    signed = certificate(true_story())
    assert "stays" not in signed.body
    assert "on purpose" not in page(signed, toml("locale/erasure.en.toml"))
