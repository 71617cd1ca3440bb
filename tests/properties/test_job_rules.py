# SPDX-License-Identifier: Apache-2.0
"""The auditor on code jobs: an honest run is sound; code that is gone, another permit, an unnamed author are found."""

import pytest

from tests.properties.jobs_histories import code_job
from tests.properties.ledger_story import audit, true_story


def found(*by: str, **changed: str) -> set[str]:
    story = true_story()
    code_job(story, *by, **changed)
    return {item.rule for item in audit(story).items}


def test_an_honest_run_is_sound() -> None:
    assert found("alice") == set()


@pytest.mark.parametrize("by", [(), ("bob",), ("olga",)])
def test_a_run_that_no_researcher_of_the_permit_signed_is_found(by: tuple[str, ...]) -> None:
    assert found(*by) == {"job-document"}


def test_a_run_whose_code_is_gone_is_found() -> None:
    assert found("alice", code="sha256:" + "1" * 64) == {"job-document"}


def test_a_run_on_a_snapshot_of_nobody_is_found() -> None:
    assert found("alice", head="sha256:" + "0" * 64) == {"job-head"}
