# SPDX-License-Identifier: Apache-2.0
"""Frozen cosigned checkpoint, policy and tlog-proof that every later version must still read."""

from pathlib import Path

import pytest

from rempart.audit import tlog_proof
from rempart.audit.witness_policy import by_policy, parse_policy
from rempart.errors import NotTrusted

HERE = Path(__file__).resolve().parent


def text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def test_a_frozen_checkpoint_is_cosigned_with_both_keys_of_its_witness() -> None:
    policy, note = parse_policy(text("cosignature_mldsa/policy")), text("cosignature_mldsa/checkpoint")
    log = policy.logs[0]
    assert by_policy(policy, note, origin=log.name, public=log.public).size == 9
    for row in (-1, -2):
        lines = note.splitlines(keepends=True)
        del lines[row]
        with pytest.raises(NotTrusted, match="witness-quorum"):
            by_policy(policy, "".join(lines), origin=log.name, public=log.public)


def test_a_frozen_tlog_proof_still_proves_its_leaf() -> None:
    log = parse_policy(text("tlog_proof_v1/policy")).logs[0]
    event = tlog_proof.verify(text("tlog_proof_v1/release.tlog-proof"), origin=log.name, public=log.public)
    assert (event.kind, event.phase, event.of) == ("release", "effect", 21)
