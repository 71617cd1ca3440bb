# SPDX-License-Identifier: Apache-2.0
"""The proof beside a release stands alone, and one changed bit of it or of a file undoes it."""

import copy
import json
from typing import Any

import pytest

from rempart.audit import release_proof
from rempart.audit.tree import Tree
from rempart.errors import NotTrusted
from rempart.records.canonical import sha256_id
from tests.properties.ledger_story import ORIGIN, PERMIT, PUBLIC, Story, note, true_story

FILES = {
    "release.json": sha256_id(b"release.json"),
    "tables/rates.csv": sha256_id(b"rates"),
    "study.toml": sha256_id(b"s"),
}


def published() -> tuple[Story, dict[str, Any]]:
    story = true_story()
    facts = [f"pack:{FILES['release.json']}", f"files:{release_proof.pack_id(FILES)}"]
    story.act("release", PERMIT, ["release:R-2026-0003"], facts)
    story.ingest()
    index = len(story.events) - 5
    tree = Tree(story.leaves)
    proof = release_proof.build(
        leaf=story.leaves[index],
        index=index,
        size=tree.size,
        inclusion=tree.inclusion(index, tree.size),
        checkpoint=note(story.leaves),
        files=FILES,
    )
    return story, json.loads(json.dumps(proof))


def refused(proof: dict[str, Any], files: dict[str, str] = FILES) -> bool:
    try:
        release_proof.verify(proof, files, origin=ORIGIN, public=PUBLIC)
    except NotTrusted:
        return True
    return False


def test_a_proof_holds_for_its_files_and_gives_the_leaf() -> None:
    _, proof = published()
    event = release_proof.verify(proof, FILES, origin=ORIGIN, public=PUBLIC)
    assert (event.kind, event.phase, event.fact("pack")) == ("release", "effect", FILES["release.json"])


def test_every_changed_character_of_the_proof_undoes_it() -> None:
    _, proof = published()
    for key in ("schema", "leaf", "checkpoint"):
        for at in range(len(proof[key])):
            changed = copy.deepcopy(proof)
            changed[key] = proof[key][:at] + chr(ord(proof[key][at]) ^ 1) + proof[key][at + 1 :]
            assert refused(changed), (key, at)
    for row, text in enumerate(proof["inclusion"]):
        for at in range(len(text)):
            changed = copy.deepcopy(proof)
            changed["inclusion"][row] = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
            assert refused(changed), (row, at)
    for key in ("index", "size"):
        assert refused({**proof, key: proof[key] + 1}) and refused({**proof, key: proof[key] - 1})
        assert refused({**proof, key: str(proof[key])}) and refused({**proof, key: None})


def test_every_file_counts_even_when_the_proof_is_altered_with_it() -> None:
    _, proof = published()
    other = sha256_id(b"other")
    for name in FILES:
        assert refused(proof, {**FILES, name: other})
        assert refused({**proof, "files": {**FILES, name: other}}, {**FILES, name: other})
    assert refused(proof, {**FILES, "more.csv": other})
    assert refused(proof, {"release.json": FILES["release.json"]})


def test_a_leaf_that_is_no_release_proves_none() -> None:
    story = true_story()
    tree = Tree(story.leaves)
    for index in range(tree.size - 1):
        proof = release_proof.build(
            leaf=story.leaves[index],
            index=index,
            size=tree.size,
            inclusion=tree.inclusion(index, tree.size),
            checkpoint=note(story.leaves),
            files=FILES,
        )
        assert refused(proof)


@pytest.mark.parametrize(
    "change", [{"schema": "rempart.proof/2"}, {"inclusion": "x"}, {"more": 1}, {"leaf": 7}, {"files": []}]
)
def test_another_form_is_not_trusted(change: dict[str, Any]) -> None:
    _, proof = published()
    assert refused({**proof, **change})


def test_the_words_of_the_verdict_are_those_of_the_proof_alone() -> None:
    _, proof = published()
    with pytest.raises(NotTrusted) as caught:
        release_proof.verify(proof, {**FILES, "study.toml": "sha256:0"}, origin=ORIGIN, public=PUBLIC)
    assert caught.value.facts == {"file": "study.toml"}
