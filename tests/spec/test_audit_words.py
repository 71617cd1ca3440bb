# SPDX-License-Identifier: Apache-2.0
"""What ``audit verify`` says to a person: breaches first, a bounded list, what it comes to, and the next step."""

import pytest

from rempart.audit.findings import ANOMALY, Finding, Findings
from rempart.audit.leaf_columns import PART, read_columns
from rempart.cli.proof_commands import _say_findings
from rempart.cli.voice import LANGUAGES, Voice
from tests.properties.ledger_story import audit, true_story

NEXT = {"en": ("append nothing", "leaves before"), "fr": ("n'ajoutez rien", "feuilles d'avant")}


def one(index: int, rule: str, family: str) -> Finding:
    return Finding(index=index, rule=rule, family=family, facts={})


def said(language: str, items: list[Finding], capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = Findings(items=tuple(items), counts={}, origin="o", size=9, root=bytes(32))
    _say_findings(Voice(language, as_json=False), found, ["told"] * len(items))
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_breaches_come_before_what_is_to_be_looked_at(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = said(language, [one(1, "intent-open", ANOMALY), one(2, "log-root", "not trusted")], capsys)
    assert "log-root" in told[0] and "intent-open" in told[1] and len(told) == 5
    assert told[2].endswith(" 1") and told[3].endswith(" 1") and NEXT[language][0] in told[4]
    assert NEXT[language][1] in said(language, [one(2, "permit-valid", "refused")], capsys)[-1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_anomalies_alone_leave_the_ledger_sound_and_are_counted(
    language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(language, [one(index, "intent-open", ANOMALY) for index in range(3)], capsys)
    assert len(told) == 5 and told[-1].endswith(" 3")
    assert len(said(language, [], capsys)) == 1


def test_a_long_list_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    told = said("en", [one(index, "permit-valid", "refused") for index in range(1000)], capsys)
    assert len(told) == 43 and "960" in told[40] and "--json" in told[40] and told[41].endswith("1000")


class Seen:
    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []

    def step(self, name: str, done: int, total: int) -> None:
        self.steps.append((name, done, total))


def test_each_walk_says_how_far_it_has_come() -> None:
    story, seen = true_story(), Seen()
    assert audit(story, progress=seen).ok
    leaves = len(story.leaves)
    assert seen.steps[:2] == [("audit-hashes", leaves, leaves), ("audit-leaves", leaves, leaves)]
    rules = seen.steps[2:]
    assert [done for _, done, _ in rules] == list(range(1, rules[0][2] + 1)) and {name for name, _, _ in rules} == {
        "audit-rules"
    }
    parts: list[int] = []
    read_columns(story.leaves[:2] * PART, parts.append)
    assert parts == [PART, 2 * PART]
