# SPDX-License-Identifier: Apache-2.0
"""What an evidence pack may say: results follow from evidence, organisational items stay the operator's, and every list is whole."""

import datetime
import itertools
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest

from rempart.adapters import pack_verifier
from rempart.adapters.junit_file import node_id, read_junit
from rempart.audit.evidence_pack import RESULTS, pack_content, result
from rempart.audit.findings import Finding, Findings
from rempart.audit.probes import Live, Seen, look
from rempart.audit.requirements import Probe
from rempart.audit.verify import ACT_RULES, LOG_RULES
from rempart.errors import BadInput
from rempart.records.event import LedgerEvent
from rempart.wiring.audit import audit_rules
from rempart.wiring.evidence_pack import LANGUAGES, lists
from tests.law.tree import ROOT, none

LISTS = lists()
NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
STATES = ("passed", "failed", "skipped", "not-run", "shipped", "holds", "breached", "nothing", "none-yet")


@pytest.mark.parametrize(
    ("kind", "states", "gap", "expected"),
    [
        ("P", ["passed", "holds"], False, "met"),
        ("P", ["holds"], False, "met"),
        ("P", ["passed", "none-yet"], False, "met"),
        ("P", ["passed", "holds"], True, "not-proven"),
        ("P", [], False, "not-proven"),
        ("P", ["none-yet"], False, "not-proven"),
        ("P", ["shipped"], False, "not-proven"),
        ("P", ["passed", "not-run"], False, "not-proven"),
        ("P", ["passed", "skipped"], False, "not-proven"),
        ("P", ["passed", "nothing"], False, "not-proven"),
        ("P", ["passed", "failed", "not-run"], False, "not-met"),
        ("P", ["holds", "breached"], True, "not-met"),
        ("D", ["shipped"], False, "held"),
        ("D", ["holds", "not-run"], False, "held"),
        ("D", ["shipped", "nothing"], False, "not-held"),
        ("D", ["shipped"], True, "not-held"),
        ("D", ["not-run"], False, "not-held"),
        ("D", ["shipped", "breached"], False, "not-met"),
        ("O", ["passed", "holds"], False, "operator"),
        ("F", ["failed"], False, "not-applicable"),
        ("N", [], True, "not-applicable"),
    ],
)
def test_a_result_follows_from_its_evidence(kind: str, states: list[str], gap: bool, expected: str) -> None:
    assert result(kind, states, gap=gap) == expected


def test_the_verifier_computes_every_result_as_the_pack_does() -> None:
    for kind, size, gap in itertools.product("PDOFN", (0, 1, 2, 3), (False, True)):
        for states in itertools.product(STATES, repeat=size):
            assert pack_verifier.result(kind, list(states), gap) == result(kind, states, gap=gap), (kind, states, gap)


def test_no_item_is_met_without_evidence_that_holds() -> None:
    """Nothing ran and nothing was done: nothing is met, and no document is held that a live look would have to show."""
    seen = {name: Seen(state="nothing" if probe.needed else "none-yet") for name, probe in LISTS.probes.items()}
    content = pack_content(
        frameworks=LISTS.frameworks, controls=LISTS.controls, probes=LISTS.probes, seen=seen, tests={}, head={}
    )
    items = [item for framework in content["frameworks"] for item in framework["items"]]
    assert not [item["id"] for item in items if item["result"] == "met"]
    assert all(item["result"] == "operator" for item in items if item["class"] == "O")
    assert {item["result"] for item in items} <= set(RESULTS)


def test_all_mandatory_statements_of_satre_are_there_in_their_classes() -> None:
    satre = next(one for one in LISTS.frameworks if one.name == "satre")
    assert len(satre.items) == len({item.id for item in satre.items}) == 95
    assert Counter(item.kind for item in satre.items) == {"P": 45, "D": 23, "O": 12, "F": 15}
    assert all(re.fullmatch(r"[1-5]\.\d\.\d\d", item.id) for item in satre.items)
    assert satre.about["licence"] == "CC-BY-4.0" and satre.about["version"] == "2.0.1"


def test_every_requirement_of_rempart_has_its_row() -> None:
    own = next(one for one in LISTS.frameworks if one.name == "rempart")
    assert [item.id for item in own.items] == [f"RQ-{number}" for number in range(1, 66)]
    assert Counter(item.kind for item in own.items) == {"P": 62, "N": 3}


def test_every_list_says_its_source_date_licence_and_how_sure_it_is() -> None:
    for one in LISTS.frameworks:
        assert set(one.about) == {"title", "version", "licence", "sure", "source", "date"}, one.name
        assert all(one.about["title"][language] and one.about["sure"][language] for language in LANGUAGES)
        ids = [item.id for item in one.items]
        assert len(ids) == len(set(ids)) > 15


def test_every_item_has_words_in_both_languages_and_known_controls() -> None:
    items = [item for one in LISTS.frameworks for item in one.items]
    none([item.id for item in items if not all(item.text[language] for language in LANGUAGES)])
    none([f"{i.id}: {c}" for i in items for c in i.controls if c not in LISTS.controls])
    none([i.id for i in items if i.kind in "OFN" and i.controls])
    none([i.id for i in items if i.kind in "PD" and not (i.controls or i.gap["en"])])
    none([i.id for i in items if bool(i.gap["en"]) != bool(i.gap["fr"])])
    used = {name for item in items for name in item.controls}
    assert used == set(LISTS.controls), "a control that answers nothing"


def test_every_test_and_page_that_a_control_names_exists() -> None:
    lost = []
    for control in LISTS.controls.values():
        assert control.tests or control.probes or control.pages
        for test in control.tests:
            file, _, name = test.partition("::")
            path = ROOT / file
            if not path.exists() or f"def {name}(" not in path.read_text(encoding="utf-8"):
                lost.append(f"{control.name}: {test}")
        lost += [f"{control.name}: {page}" for page in control.pages if not (ROOT / page).exists()]
    none(lost)


def test_every_look_names_rules_of_the_audit_and_kinds_of_the_ledger() -> None:
    rules = {*LOG_RULES, *ACT_RULES}
    assert rules == set(audit_rules()["rules"])  # type: ignore[call-overload]
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    for probe in LISTS.probes.values():
        assert set(probe.rules) <= rules, probe.name
        assert probe.rules or probe.kinds or probe.fact, probe.name
        none([f"{probe.name}: {kind}" for kind in probe.kinds if f'"{kind}"' not in written and kind not in COMING])
    used = {name for control in LISTS.controls.values() for name in control.probes}
    assert used == set(LISTS.probes)


COMING = frozenset(
    {
        "attestation",
        "system-approval",
        "register",
        "incident",
    }
)
"""Kinds that the lists ask for and the ledger does not have yet: what they would prove is not proven."""


JUNIT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" timestamp="2026-11-23T05:00:00+00:00" hostname="secret-machine">
<testcase classname="tests.law.test_docs" name="test_a[one]"/>
<testcase classname="tests.law.test_docs" name="test_a[two]"><failure message="no">tests/law/x</failure></testcase>
<testcase classname="tests.law.test_docs" name="test_b"><skipped message="none"/></testcase>
<testcase classname="tests.law.test_docs" name="test_c"/>
</testsuite></testsuites>
"""


def test_a_junit_file_gives_the_worst_outcome_of_each_test_and_no_name_of_a_machine(tmp_path: Path) -> None:
    file = tmp_path / "j.xml"
    file.write_text(JUNIT, encoding="utf-8")
    found = read_junit(file)
    path = "tests/law/test_docs.py::"
    assert found.states == {path + "test_a": "failed", path + "test_b": "skipped", path + "test_c": "passed"}
    assert (found.count, found.made) == (4, "2026-11-23T05:00:00+00:00")
    assert "secret-machine" not in repr(found)
    assert node_id("tests.a.test_b", "test_c[x-[y]]") == "tests/a/test_b.py::test_c"


@pytest.mark.parametrize("text", ["", "no xml", "<testsuites/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a>"])
def test_what_is_no_junit_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "j.xml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_junit(file)
    assert caught.value.code == "junit-form"


def live(*events: LedgerEvent, found: tuple[str, str] | None = None) -> Live:
    """A house with these leaves, and perhaps one finding (rule, family)."""
    items = (Finding(index=0, rule=found[0], family=found[1], facts={}),) if found else ()
    return Live(
        events=dict(enumerate(events)),
        findings=Findings(items=items, counts={}, origin="o", size=len(events), root=b""),
        asked=frozenset({"r"}),
        facts={"told": 2},
        shown=frozenset({"head"}),
        now=NOW,
    )


def leaf(day: int, *objects: str, phase: Literal["intent", "effect", "failed"] = "effect") -> LedgerEvent:
    """A leaf of kind k, so many days ago."""
    time = (NOW - datetime.timedelta(days=day)).isoformat()
    of = None if phase == "intent" else 0
    return LedgerEvent(
        kind="k", event_class="act", phase=phase, of=of, actor="a", basis="b", objects=objects, time=time, salt="00"
    )


def asked(**how: Any) -> Probe:
    """A look."""
    told = {"rules": (), "kinds": (), "needed": False, "within_days": 0, "fact": "", "anomalies": False, **how}
    return Probe(name="p", words={"en": "", "fr": ""}, **told)


@pytest.mark.parametrize(
    ("how", "house", "state"),
    [
        ({"kinds": ("k",)}, live(leaf(1)), "holds"),
        ({"kinds": ("k",)}, live(), "none-yet"),
        ({"kinds": ("k",), "needed": True}, live(), "nothing"),
        ({"kinds": ("k",), "needed": True}, live(leaf(1, phase="intent"), leaf(1, phase="failed")), "nothing"),
        ({"kinds": ("k",), "within_days": 35}, live(leaf(34)), "holds"),
        ({"kinds": ("k",), "within_days": 35}, live(leaf(35)), "breached"),
        ({"kinds": ("k",), "within_days": 35}, live(leaf(99), leaf(1)), "holds"),
        ({"rules": ("r",)}, live(), "holds"),
        ({"rules": ("r",)}, live(found=("r", "refused")), "breached"),
        ({"rules": ("r",)}, live(found=("r", "anomaly")), "holds"),
        ({"rules": ("r",), "anomalies": True}, live(found=("r", "anomaly")), "breached"),
        ({"rules": ("r",)}, live(found=("other", "refused")), "holds"),
        ({"rules": ("r", "unknown")}, live(), "nothing"),
        ({"fact": "told", "needed": True}, live(), "holds"),
        ({"fact": "untold", "needed": True}, live(), "nothing"),
    ],
)
def test_a_look_at_the_ledger_says_what_it_sees(how: dict[str, Any], house: Live, state: str) -> None:
    assert look(asked(**how), house).state == state


def test_the_newest_leaf_that_may_be_shown_is_cited() -> None:
    seen = look(asked(kinds=("k",)), live(leaf(3, "head:x"), leaf(2, "head:y"), leaf(1, "head:z", "person:x")))
    assert (seen.count, seen.leaf) == (3, 1)
    assert look(asked(kinds=("k",)), live(leaf(1, "person:x"))).leaf is None


def test_the_sample_pack_is_sound_and_names_no_machine() -> None:
    """The pack of the demo's warehouse in docs/evidence, by today's verifier and by its own."""
    folder = ROOT / "docs" / "evidence" / "pack"
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    pack = pack_verifier.check(files)
    assert [framework["name"] for framework in pack["frameworks"]] == [one.name for one in LISTS.frameworks]
    command = [sys.executable, "-I", "-S", str(folder / "verify.py")]
    told = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, env={})
    assert told.stdout == (folder.parent / "pack-verified.txt").read_text(encoding="utf-8")
    whole = b"".join(files.values()).decode()
    none([word for word in ("/tmp/", "/rempart-demo", "hostname", "alice", "claire") if word in whole])
