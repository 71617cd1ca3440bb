# SPDX-License-Identifier: Apache-2.0
"""The index that all projects share is opened for the disclosure check alone, beside ingest, grants of permits and objections."""

from rempart.adapters import package_data
from tests.law.tree import source

NAMED_BY = {
    "rempart.permits.compile": "says that no permit may name it",
    "rempart.journeys.ingest": "makes it",
    "rempart.journeys.research_parts": "carries it on from one delivery to the next",
    "rempart.journeys.grant": "copies it into a project, sealed",
    "rempart.journeys.objections": "knows by it how many who object are known",
    "rempart.journeys.objection_application": "finds by it who leaves a project",
    "rempart.journeys.twin": "makes it of invented persons",
    "rempart.journeys.shard_sessions": "attaches it where a job asks for sets",
    "rempart.journeys.sets_step": "tells sets of persons by it",
    "rempart.audit.rules_permits": "finds whoever else opened it",
}
OPENED_BY = {"ingest", "objection", "objection-list", "objection-application", "permit", "fingerprint"}
"""Kinds of intent whose grants may hold it. A rotation, which opens nothing, rewraps all keys of a space."""


def test_the_shared_index_is_named_where_it_is_known_to_be_and_nowhere_else() -> None:
    named = {module.name for module in source() if "release_index" in module.text}
    assert named <= set(NAMED_BY)


def test_no_other_kind_of_intent_opens_the_shared_index() -> None:
    kinds = package_data.joined("keys/grants.toml")["kinds"]

    def opens(use: str) -> bool:
        _, table, sibling, mode = use.split("/")
        return mode == "read" and table in ("person", "*") and sibling in ("release_index", "*")

    assert {kind for kind, rule in kinds.items() if any(map(opens, rule["allow"]))} == OPENED_BY
    studying = kinds["study"]["allow"]
    assert not any("release_index" in use or use.startswith("disclosure/") for use in studying)


def test_the_register_is_written_by_what_is_held_against_it_alone() -> None:
    kinds = package_data.joined("keys/grants.toml")["kinds"]
    uses = {(kind, use) for kind, rule in kinds.items() for use in rule["allow"] if use.startswith("disclosure/")}
    assert uses == {
        ("fingerprint", "disclosure/register/main/read"),
        ("fingerprint", "disclosure/register/main/write"),
        ("check", "disclosure/register/main/read"),
    }
    secrets = {kind for kind, rule in kinds.items() if any(name.startswith("disclosure/") for name in rule["secrets"])}
    assert secrets == {"fingerprint"}
