# SPDX-License-Identifier: Apache-2.0
"""Who sees a submission and who publishes it: checkers and the persons of its permit, nobody else who is enrolled."""

import pytest

from tests.journeys.house import House


@pytest.fixture
def submitted(small: House) -> House:
    """One submission by alice; mallory is a researcher of no project."""
    run = small.run_study()["run"]
    small.told("release", "submit", run, "--key", small.key("alice"))
    small.enrol("mallory", "researcher")
    return small


def test_only_checkers_and_persons_of_the_permit_see_and_publish_a_submission(submitted: House) -> None:
    (release,) = (row["release"] for row in submitted.told("release", "list")["releases"])
    for words in (("release", "review"), ("release", "publish")):
        for stranger in ("mallory", "claire"):
            answer = submitted.call("--json", *words, release, "--key", submitted.key(stranger))
            assert (answer.code, answer.error["code"]) == (30, "release-missing"), "to a stranger it is not there"
            assert "attrition" not in answer.out
    for party in ("alice", "bob"):
        answer = submitted.call("release", "review", release, "--key", submitted.key(party))
        assert (answer.code, "attrition" in answer.out) == (0, True)
