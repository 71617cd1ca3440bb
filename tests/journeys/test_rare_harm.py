# SPDX-License-Identifier: Apache-2.0
"""A rare harm, from the permit's derogation to the published table: hidden without it, told once both checkers named it."""

from pathlib import Path

import pytest

from tests.journeys.house import House

DEROGATION = """
[[derogations]]
kind = "rare-harm"
outcome = "bladder_cancer"
definition = "{definition}"
least = 1
reason = "every case bears on those who took it"
"""


@pytest.fixture
def asked(small: House) -> tuple[House, str]:
    """A run under a permit that holds the derogation, in a warehouse of 300 persons."""
    permit = small.example("permit", ('"P-2026-0001"', '"P-2026-0002"'), ('project = "glitazones"', 'project = "harm"'))
    study = small.example("study", ('permit = "P-2026-0001"', 'permit = "P-2026-0002"'))
    definition = small.told("study", "check", study)["outcomes"]["bladder_cancer"]
    told = permit.read_text(encoding="utf-8") + DEROGATION.format(definition=definition)
    permit.write_text(told, encoding="utf-8")
    small.told("permit", "grant", permit, "--key", small.key("claire"))
    return small, small.run_study(study=study)["run"]


def lines(text: str, output: str) -> list[str]:
    """What a shown table says of the target's outcomes."""
    part = text[text.index(output) :]
    return [line for line in part.splitlines() if "target" in line and "events" in line][:1]


def test_a_rare_harm_is_told_once_both_checkers_vote_for_the_derogation(asked: tuple[House, str]) -> None:
    house, run = asked
    named = ("--derogation", "bladder_cancer")
    stranger = house.call("release", "submit", run, "--derogation", "stroke", "--key", house.key("alice"))
    assert (stranger.code, "stroke" in stranger.err) == (10, True)
    shown = house.call("release", "submit", run, *named, "--show", "--key", house.key("alice"))
    assert shown.code == 0
    assert "suppressed" in lines(shown.out, "incidence")[0]

    (release,) = (row["release"] for row in house.told("release", "list")["releases"])
    pages = {name: house.call("release", "review", release, "--key", house.key(name)).out for name in ("alice", "bob")}
    rates = {
        name: page[page.index("(`incidence`)") : page.index("(`cumulative_incidence`)")] for name, page in pages.items()
    }
    assert ("suppressed" in rates["alice"], "suppressed" in rates["bob"]) == (True, False)

    silent = house.call("release", "review", release, "--verdict", "approve", "--key", house.key("bob"))
    assert (silent.code, "bladder_cancer" in silent.err) == (10, True)
    for checker in ("bob", "carol"):
        house.told("release", "review", release, "--verdict", "approve", *named, "--key", house.key(checker))
    files = house.told("release", "publish", release, "--key", house.key("alice"))["folder"]
    rows = (Path(files) / "tables" / "incidence.csv").read_text(encoding="utf-8").splitlines()
    (events,) = (row.split(",") for row in rows if ",target,events," in row)
    assert 1 <= int(events[events.index("events") + 1]) <= 10
    ratio = (Path(files) / "tables" / "hazard_ratio.csv").read_text(encoding="utf-8")
    assert "suppressed" not in ratio
    assert "every case bears on those who took it" in (Path(files) / "release.json").read_text(encoding="utf-8")
    assert house.call("audit", "verify").code == 0


def test_another_list_of_codes_by_the_name_of_the_harm_is_refused(asked: tuple[House, str]) -> None:
    """Related diagnoses too, under the same name: their few cases are not told."""
    house, _ = asked
    study = house.example(
        "study", ('permit = "P-2026-0001"', 'permit = "P-2026-0002"'), ('status = ["DP"]', 'status = ["DP", "DR"]')
    )
    run = house.run_study(study=study)["run"]
    refused = house.call("release", "submit", run, "--derogation", "bladder_cancer", "--key", house.key("alice"))
    assert (refused.code, "bladder_cancer" in refused.err) == (10, True)
    assert house.told("release", "list")["releases"] == []
