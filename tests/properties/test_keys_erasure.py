# SPDX-License-Identifier: Apache-2.0
"""What two officers may end, what is ended by it, and that nothing of it comes back; many wrapped keys in one message."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.adapters.broker_groups import blobs_from_json, blobs_to_json, groups_from_json, groups_to_json, in_order
from rempart.errors import BadInput, Missing, Refused
from rempart.journeys.chain import snapshot_of
from rempart.keys import erasure
from rempart.keys.rotation import ROOT_SCHEMA
from rempart.ports.broker import GrantRequest
from rempart.records.event import LedgerEvent
from rempart.records.sealed import KeyContext
from tests.properties.keys_story import Story, context
from tests.properties.vault_story import SPACE, VaultStory

OFFICERS = ("olga", "omar")


def intent(
    story: Story, *, by: Sequence[str] = OFFICERS, reach: str = "space", epochs: Sequence[int] = (1,), **told: Any
) -> int:
    """An erasure of the warehouse announced; ``told``: what the document says otherwise."""
    body = {"schema": erasure.SCHEMA, "space": SPACE, "reach": reach, "epochs": list(epochs)} | told
    objects = [
        f"space:{SPACE}",
        f"reach:{reach}",
        *(f"epoch:{n}" for n in epochs),
        f"document:{story.signed(body, *by)}",
    ]
    return story.log("erasure", basis="operation:erasure", objects=objects)


def granted(story: Story, index: int) -> str:
    """A reference for it."""
    return story.broker.grant(GrantRequest(intent=index, tables=(erasure.whole_space(SPACE),)))[0]


def erased(story: Story, **change: Any) -> list[str]:
    """Done, its effect written."""
    index = intent(story, **change)
    gone: list[str] = story.broker.erase(granted(story, index))
    story.log("erasure", basis="operation:erasure", phase="effect", of=index)
    return gone


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"by": ("olga",)}, "grant-signatures"),
        ({"by": ("olga", "olga")}, "grant-signatures"),
        ({"by": ("olga", "alice")}, "grant-signatures"),
        ({"by": ("alice", "rita")}, "grant-unsigned"),
        ({"space": "project:x"}, "grant-other-document"),
        ({"reach": "all"}, "grant-other-document"),
        ({"epochs": (1,), "reach": "space", "keys": []}, ""),
    ],
)
def test_it_takes_two_officers_whose_document_says_what_the_intent_says(change: dict[str, Any], code: str) -> None:
    story = VaultStory()
    story.write([1])
    if not code:
        assert granted(story.keys, intent(story.keys, **change))
        return
    with pytest.raises(Refused) as caught:
        granted(story.keys, intent(story.keys, **change))
    assert caught.value.code == code


def test_a_document_for_other_epochs_opens_nothing() -> None:
    story = VaultStory()
    story.write([1])
    body = {"schema": erasure.SCHEMA, "space": SPACE, "reach": "space", "epochs": [2]}
    objects = [f"space:{SPACE}", "reach:space", "epoch:1", f"document:{story.keys.signed(body, *OFFICERS)}"]
    index = story.keys.log("erasure", basis="operation:erasure", objects=objects)
    with pytest.raises(Refused, match="grant-other-document"):
        granted(story.keys, index)


@pytest.mark.parametrize("other", ["another", None])
def test_what_ends_another_warehouse_of_the_same_officers_ends_nothing_here(other: str | None) -> None:
    story = VaultStory()
    story.write([1])
    init = LedgerEvent.from_leaf(story.keys.ledger.held[0])
    story.keys.ledger.held[0] = replace(init, objects=(*init.objects, "warehouse:this")).leaf()
    story.keys.broker = story.keys.new_broker()
    with pytest.raises(Refused, match="grant-other-document"):
        granted(story.keys, intent(story.keys, warehouse=other))
    assert granted(story.keys, intent(story.keys, warehouse="this"))


@pytest.mark.parametrize("odd", ["+2", " 2", "0_2", "02", "x"])
def test_no_writing_of_a_number_smuggles_in_an_epoch_that_nobody_signed(odd: str) -> None:
    story = VaultStory()
    story.write([1])
    story.rotate()
    body = {"schema": erasure.SCHEMA, "space": SPACE, "reach": "epochs", "epochs": [1]}
    told = [f"space:{SPACE}", "reach:epochs", "epoch:1", f"epoch:{odd}"]
    document = story.keys.signed(body, *OFFICERS)
    index = story.keys.log("erasure", basis="operation:erasure", objects=[*told, f"document:{document}"])
    with pytest.raises(Refused, match="grant-other-document"):
        granted(story.keys, index)
    assert "warehouse/person/main/2" in story.keys.keys.names("table")


def test_a_whole_space_goes_with_its_secrets_and_nothing_of_it_comes_back() -> None:
    story = VaultStory()
    story.write([1])
    story.rotate()
    keys = story.keys.keys
    keys.ensure("secret", "identity", "warehouse/shard", "project:glitazones/shard")
    keys.ensure("table", "project:glitazones/person/main/1", "warehouse/result/main/1")
    other = story.keys.ask(story.keys.ingest(), "warehouse/person/main/write")[0]
    gone = erased(story.keys, epochs=(1, 2))
    assert {"identity", "warehouse/shard", "warehouse/result/main/1", "warehouse/person/main/2"} <= set(gone)
    assert keys.names("secret") == ["project:glitazones/shard"]
    assert keys.names("table") == ["project:glitazones/person/main/1"]
    assert not [n for n in gone if n.encode() in story.keys.saved[-1]]
    with pytest.raises(Refused, match="grant-spent"):
        story.keys.broker.wrap(other, [(context("warehouse/person/main"), bytes(32))])
    with pytest.raises(Refused, match="keys-erased"):
        story.keys.ask(story.keys.ingest(), "warehouse/person/main/write")
    with pytest.raises(Missing, match="space-erased"):
        snapshot_of(story.keys.ledger, SPACE, None)
    assert story.keys.broker.key_names(SPACE) == []


def test_an_old_epoch_goes_while_its_results_and_the_newest_stay() -> None:
    story = VaultStory()
    story.write([1])
    story.keys.keys.ensure("table", "warehouse/result/main/1", "warehouse/evidence/main/1")
    story.rotate()
    gone = erased(story.keys, reach="epochs")
    assert sorted(gone) == ["warehouse/manifest/main/1", "warehouse/person/main/1"]
    assert story.read() == [[1]]
    assert story.write([2]).epoch == 2
    assert "warehouse/result/main/1" in story.keys.keys.names("table")


def test_a_key_of_an_erased_epoch_is_not_made_again() -> None:
    story = VaultStory()
    story.write([1])
    story.rotate()
    erased(story.keys, reach="epochs")
    reference = story.keys.ask(story.keys.ingest(), "warehouse/person/main/write")[0]
    with pytest.raises(Refused, match="keys-erased"):
        story.keys.broker.wrap(reference, [(context("warehouse/person/main", epoch=1), bytes(32))])
    assert "warehouse/person/main/1" not in story.keys.keys.names("table")


def test_a_rotations_reference_erases_nothing_and_an_erasures_rewraps_nothing() -> None:
    story = VaultStory()
    story.write([1])
    reader = story.keys.ask(story.keys.ingest(), "warehouse/person/main/write")[0]
    with pytest.raises(Refused):
        story.keys.broker.erase(reader)
    ender = granted(story.keys, intent(story.keys))
    with pytest.raises(Refused):
        story.keys.broker.rewrap(ender, [(context("warehouse/person/main"), bytes(60))], 2)
    with pytest.raises(Refused, match="grant-kind"):
        story.keys.broker.rewrap_root(ender)


class Versioned:
    """A store in memory that makes versions of its root key."""

    kind = "pkcs11"

    def __init__(self, store: Any) -> None:
        self._store, self.versions = store, 1

    def new_version(self) -> None:
        self.versions += 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def wrap(self, items: Any) -> Any:
        return self._store.wrap(items)

    def unwrap(self, items: Any) -> Any:
        return self._store.unwrap(items)

    def rewrap(self, items: Any) -> Any:
        return self._store.rewrap(items)


def test_a_root_rotation_wraps_every_key_anew_and_a_key_file_refuses_it() -> None:
    story = Story()
    document = story.signed({"schema": ROOT_SCHEMA}, "olga")
    index = story.log(
        "root-rotation", basis="operation:root-rotation", objects=["space:warehouse", f"document:{document}"]
    )
    (reference,) = story.broker.grant(GrantRequest(intent=index, tables=()))
    with pytest.raises(Refused, match="root-key-file"):
        story.broker.rewrap_root(reference)
    before = story.keys._wrapped["signing"]["vault"]
    store = Versioned(story.store)
    story.keys._store = store  # type: ignore[assignment]
    assert story.broker.rewrap_root(reference) == 2
    assert store.versions == 2
    assert story.keys._wrapped["signing"]["vault"] != before
    story.keys.forget()
    assert len(story.keys.need("signing", "vault")) == 32


NAMES = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=6)
ITEMS = st.lists(
    st.tuples(
        st.builds(
            KeyContext,
            warehouse=st.sampled_from(["w", "v"]),
            space=NAMES,
            table=st.sampled_from(["person", "death"]),
            sibling=st.just("main"),
            part=NAMES,
            epoch=st.integers(1, 3),
        ),
        st.binary(min_size=60, max_size=60),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(ITEMS)
def test_keys_come_through_in_groups_and_back_in_order(items: list[tuple[KeyContext, bytes]]) -> None:
    groups, order = groups_to_json(items)
    told = groups_from_json(groups)
    assert [told[order.index(at)] for at in range(len(items))] == items
    assert in_order(blobs_from_json(blobs_to_json([blob for _, blob in told])), order) == [blob for _, blob in items]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [{}],
        [{"place": ["w", "s", "t"], "epoch": 1, "parts": "p", "wrapped": ""}],
        [{"place": ["w", "s", "t", "m"], "epoch": 1, "parts": "p\nq", "wrapped": base64.b64encode(bytes(60)).decode()}],
        [{"place": ["w", "s", "t", "m"], "epoch": 1, "parts": "p", "wrapped": base64.b64encode(bytes(59)).decode()}],
        [{"place": ["w", "s", "t", "m"], "epoch": True, "parts": "p", "wrapped": base64.b64encode(bytes(60)).decode()}],
    ],
)
def test_a_message_of_another_form_is_refused(value: Any) -> None:
    with pytest.raises(BadInput, match="broker-request"):
        groups_from_json(value)
    with pytest.raises(BadInput, match="broker-request"):
        in_order([b""], [0, 1])
