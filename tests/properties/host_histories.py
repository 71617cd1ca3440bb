# SPDX-License-Identifier: Apache-2.0
"""Histories that break one rule on hosts each: who declared them, where snapshots lie, where keys went."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from rempart.errors import Refused
from rempart.records.descriptor import HOST, NODE, HostDescriptor, NodeDescriptor, own_declaration
from tests.properties.ledger_story import Story, true_story

Mutant = Callable[[], tuple[Story, dict[str, Any]]]
YEAR = (datetime.date(2026, 1, 1), datetime.date(2026, 12, 31))
DAY = (datetime.date(2026, 1, 1), datetime.date(2026, 1, 1))


def declared(
    story: Story, kind: str, name: str, *officers: str, valid: tuple[datetime.date, datetime.date] = YEAR
) -> int:
    """Declare a host or a node; the intent's index."""
    told = own_declaration(name=name, operator="Essai", country="FR", valid=valid)
    node = NodeDescriptor(declaration=told, kem="X25519", hpke="AAAA", signing="A" * 43 + "=")
    body = HostDescriptor(declaration=told).body if kind == "host" else node.body
    assert body["schema"] == {"host": HOST, "node": NODE}[kind]
    document = story.signed(body, *officers)
    return story.act(kind, f"operation:{kind}", [f"name:{name}", f"descriptor:{document}"])


def within(body: Mapping[str, Any], on: datetime.date) -> None:
    """A check that looks at the days of a declaration alone."""
    if not body["valid"][0] <= on.isoformat() <= body["valid"][1]:
        raise Refused("store-ended", host=body["name"])


def key_to(story: Story, node: str) -> None:
    """A key of the warehouse for that node."""
    intent = story.leaf("hash", "intent", "operation:hash", ["space:warehouse"])
    story.leaf(
        "key-grant",
        "effect",
        "operation:hash",
        ["grant:x", f"node:{node}", "use:warehouse/person/main/read"],
        of=intent,
    )
    story.leaf("hash", "effect", "operation:hash", [], of=intent)


def _by_one_officer() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    declared(story, "host", "directory", "olga")
    return story, {}


def _on_a_host_that_ended() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    declared(story, "host", "directory", "olga", "otto", valid=DAY)
    story.ingest()
    return story, {"checks": {"host": within}}


def _to_a_node_that_ended() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    declared(story, "node", "local", "olga", "otto", valid=DAY)
    key_to(story, "local")
    return story, {"checks": {"node": within}}


HOST_MUTANTS: dict[str, Mutant] = {
    "descriptor-officers": _by_one_officer,
    "commit-host": _on_a_host_that_ended,
    "key-node": _to_a_node_that_ended,
}
