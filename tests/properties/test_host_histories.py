# SPDX-License-Identifier: Apache-2.0
"""What the auditor says of hosts and nodes, beyond the one history that breaks each rule."""

from dataclasses import replace

import pytest

from tests.properties.host_histories import DAY, YEAR, declared, key_to, within
from tests.properties.ledger_story import Story, audit, true_story

CHECKS = {"host": within, "node": within}


def rules(story: Story) -> set[str]:
    """The rules that a story breaks."""
    return {item.rule for item in audit(story, checks=CHECKS).items}


def test_declarations_by_two_officers_and_what_follows_them_are_sound() -> None:
    story = true_story()
    declared(story, "host", "directory", "olga", "otto")
    declared(story, "node", "local", "otto", "olga")
    story.ingest()
    assert rules(story) == set()
    assert audit(story, checks=CHECKS).counts["declarations"] == 2


@pytest.mark.parametrize("officers", [("olga", "olga"), ("olga",), ("olga", "carl"), ("olga", "bob")])
def test_two_signatures_of_one_officer_or_of_another_role_are_not_two_officers(officers: tuple[str, ...]) -> None:
    story = true_story()
    declared(story, "host", "directory", *officers)
    assert rules(story) == {"descriptor-officers"}


def test_a_snapshot_on_a_host_that_nobody_declared_is_found_once_any_was() -> None:
    story = true_story()
    declared(story, "host", "elsewhere", "olga", "otto")
    assert rules(story) == set()
    story.ingest()
    assert rules(story) == {"commit-host"}


def test_what_was_committed_before_a_declaration_is_not_held_to_it() -> None:
    story = true_story()
    story.ingest()
    declared(story, "host", "directory", "olga", "otto", valid=DAY)
    assert rules(story) == set()


def test_a_declaration_that_is_named_again_is_no_newer() -> None:
    story = true_story()
    index = declared(story, "host", "directory", "olga", "otto")
    declared(story, "host", "directory", "olga", "otto", valid=DAY)
    story.act("host", "operation:host", list(story.events[index].objects))
    story.ingest()
    assert rules(story) == {"commit-host"}


def test_a_leaf_that_names_another_host_than_its_document_is_found() -> None:
    story = true_story()
    index = declared(story, "host", "directory", "olga", "otto")
    told = tuple("name:other" if item.startswith("name:") else item for item in story.events[index].objects)
    story.edit(index, objects=told)
    assert rules(story) == {"descriptor-officers"}


def test_one_officer_is_enough_at_init_and_for_ninety_days_alone() -> None:
    from rempart.records.descriptor import HostDescriptor, own_declaration

    story = true_story()
    told = own_declaration(name="directory", operator="Essai", country="FR", valid=YEAR)
    document = story.signed(HostDescriptor(declaration=told).body, "olga")
    story.edit(0, objects=(*story.events[0].objects, f"host:{document}"))
    assert rules(story) == set()
    story.now = story.now.replace(month=8)
    story.ingest()
    assert rules(story) == {"commit-host"}


def test_a_lost_declaration_is_found() -> None:
    story = true_story()
    index = declared(story, "host", "directory", "olga", "otto")
    del story.documents[story.events[index].fact("descriptor") or ""]
    assert rules(story) == {"descriptor-officers"}
    story.events[index] = replace(story.events[index], objects=("name:directory",))
    assert rules(story) == {"descriptor-officers"}


@pytest.mark.parametrize(("by", "found"), [("olga", {"key-node"}), ("carl", {"descriptor-officers", "key-node"})])
def test_a_key_to_a_node_that_was_taken_back_is_found_and_so_is_who_may_not_take_back(by: str, found: set[str]) -> None:
    story = true_story()
    index = declared(story, "node", "local", "olga", "otto")
    body = {"schema": "rempart.node-revocation/1", "descriptors": [story.events[index].fact("descriptor")]}
    story.act("node", "operation:node", ["name:local", f"revocation:{story.signed(body, by)}"])
    assert rules(story) == found - {"key-node"}
    key_to(story, "local")
    assert rules(story) == found
