# SPDX-License-Identifier: Apache-2.0
"""The record of a check commits to its evidence: provable by who holds the result, and telling nothing to who does not."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.disclosure.check import check, examine
from rempart.disclosure.commitments import commit, evidence_of, key_of, opens
from rempart.records.canonical import canonical_bytes
from rempart.records.result import CheckedTable
from tests.disclosure_rows import RULES, attrition, submission

KEY = bytes(range(32))


def commitments(tables: tuple[CheckedTable, ...]) -> list[str]:
    return [str(entry["commitment"]) for table in tables for entry in table.record]


def test_every_rule_of_every_table_tells_rule_version_parameters_commitment_and_verdict() -> None:
    for table in check(submission(), RULES, key=KEY):
        for entry in table.record:
            assert set(entry) == {"rule", "rules", "parameters", "commitment", "verdict"}
    assert not any("commitment" in entry for table in check(submission(), RULES) for entry in table.record)


def test_who_holds_the_result_proves_what_a_rule_was_judged_on() -> None:
    rows = submission((4, 70))
    made = examine(rows, RULES, key=KEY)
    left = {str(item["cell"]): (float(str(item["low"])), float(str(item["high"]))) for item in made.private}
    for table in made.tables:
        for entry in table.record:
            evidence = evidence_of(table.output, str(entry["rule"]), rows, left)
            assert opens(str(entry["commitment"]), KEY, evidence)
            assert not opens(str(entry["commitment"]), KEY[::-1], evidence)


@given(count=st.integers(0, 10))
def test_a_count_of_0_to_10_is_not_found_by_trying_them_all(count: int) -> None:
    """Neither with no key nor with any that follows from what is published."""
    shown = check(attrition([400, count]), RULES, key=KEY)
    told = set(commitments(shown))
    for guess in range(11):
        rows = attrition([400, guess])
        for key in (b"", b"\x00" * 32, RULES["id"].encode(), hashlib.sha256(b"").digest()):
            left = {str(c["cell"]): (float(str(c["low"])), float(str(c["high"]))) for c in examine(rows, RULES).private}
            for rule in RULES["types"]["attrition"]["rules"]:
                evidence = evidence_of("attrition", rule, rows, left)
                assert commit(key, evidence) not in told
                assert "hmac-sha256:" + hashlib.sha256(canonical_bytes(evidence)).hexdigest() not in told
        assert "hmac-sha256:" + hashlib.sha256(str(guess).encode()).hexdigest() not in told


def test_equal_counts_of_two_tables_and_of_two_results_give_unlike_commitments() -> None:
    one = [replace(item, output=name) for name in ("first", "second") for item in attrition([400, 4])]
    told = commitments(check(one, RULES, key=KEY))
    assert len(set(told)) == len(told)
    assert not set(told) & set(commitments(check(one, RULES, key=KEY[::-1])))


def test_but_for_the_commitments_the_record_does_not_tell_what_was_hidden() -> None:
    def bare(events: tuple[int, int]) -> list[list[dict[str, object]]]:
        tables = check(submission(events), RULES, key=KEY)
        return [[{k: v for k, v in entry.items() if k != "commitment"} for entry in table.record] for table in tables]

    assert bare((4, 70)) == bare((60, 70))
    lengths = {
        len(name) for events in ((4, 70), (60, 70)) for name in commitments(check(submission(events), RULES, key=KEY))
    }
    assert len(lengths) == 1


@pytest.mark.parametrize(("refs", "any_key"), [(["print:a", "print:b"], True), (["cohort/all"], False), ([], False)])
def test_the_key_is_of_the_fingerprints_in_the_sealed_rows(refs: list[str], any_key: bool) -> None:
    rows = [replace(attrition([400])[0], persons_ref=ref) for ref in refs]
    assert bool(key_of(rows)) is any_key
    if any_key:
        assert key_of(rows) == key_of(rows[::-1]) != key_of(rows[:1])
