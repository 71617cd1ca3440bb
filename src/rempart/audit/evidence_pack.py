# SPDX-License-Identifier: Apache-2.0
"""Requirement → control → evidence → result, as one JSON. Says "met" of nothing that no passed test and no sound live look carries.

What only people can do is the operator's, whatever the software shows; what did not run is not proven. ``pack_verifier`` computes it again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rempart.audit.probes import BREACHED, HOLDS, NONE_YET, NOTHING, Seen
from rempart.audit.requirements import Control, Framework, Probe, Requirement

SCHEMA = "rempart.evidence-pack/1"
RESULTS = ("met", "not-met", "not-proven", "held", "not-held", "operator", "not-applicable")
PASSED, FAILED, SKIPPED, NOT_RUN, SHIPPED = "passed", "failed", "skipped", "not-run", "shipped"
_GOOD = frozenset({PASSED, HOLDS})
_BAD = frozenset({FAILED, BREACHED})
_OPEN = frozenset({SKIPPED, NOT_RUN, NOTHING})


def result(kind: str, states: Sequence[str], *, gap: bool) -> str:
    """The result of a requirement of that class whose controls' evidence is in these states; ``gap``: something is known to be missing."""
    if kind in {"O", "F", "N"}:
        return "operator" if kind == "O" else "not-applicable"
    if _BAD & set(states):
        return "not-met"
    if kind == "D":
        held = any(state in _GOOD or state == SHIPPED for state in states)
        return "held" if held and not gap and NOTHING not in states else "not-held"
    proven = bool(_GOOD & set(states)) and not _OPEN & set(states)
    return "met" if proven and not gap else "not-proven"


def pack_content(
    *,
    frameworks: Sequence[Framework],
    controls: Mapping[str, Control],
    probes: Mapping[str, Probe],
    seen: Mapping[str, Seen],
    tests: Mapping[str, str],
    head: Mapping[str, Any],
) -> dict[str, Any]:
    """The whole content. ``seen``: probe → what it saw; ``tests``: node id → state; ``head``: what the pack is about (log, program)."""
    used = sorted({name for framework in frameworks for item in framework.items for name in item.controls})
    told = {name: _control(controls[name], probes, seen, tests) for name in used}
    listed = [_framework(framework, told) for framework in frameworks]
    return {"schema": SCHEMA, **head, "controls": told, "frameworks": listed}


def cited_leaves(content: Mapping[str, Any]) -> list[int]:
    """Indexes of leaves that the evidence names, once, in order."""
    rows = (row for control in content["controls"].values() for row in control["evidence"])
    return sorted({row["leaf"] for row in rows if row.get("leaf") is not None})


def totals(items: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many items have each result."""
    counted = Counter(str(item["result"]) for item in items)
    return {name: counted[name] for name in RESULTS if counted[name]}


def _framework(framework: Framework, told: Mapping[str, Any]) -> dict[str, Any]:
    items = [_item(item, told) for item in framework.items]
    return {"name": framework.name, "about": dict(framework.about), "items": items, "totals": totals(items)}


def _item(item: Requirement, told: Mapping[str, Any]) -> dict[str, Any]:
    states = [row["state"] for name in item.controls for row in told[name]["evidence"]]
    return {
        "id": item.id,
        "class": item.kind,
        "text": dict(item.text),
        "controls": list(item.controls),
        "gap": dict(item.gap),
        "result": result(item.kind, states, gap=bool(item.gap["en"])),
    }


def _control(
    control: Control, probes: Mapping[str, Probe], seen: Mapping[str, Seen], tests: Mapping[str, str]
) -> dict[str, Any]:
    evidence: list[dict[str, Any]] = [
        {"kind": "test", "id": test, "state": tests.get(test, NOT_RUN)} for test in control.tests
    ]
    evidence += [_look(probes[name], seen[name]) for name in control.probes]
    evidence += [{"kind": "page", "id": page, "state": SHIPPED} for page in control.pages]
    return {"words": dict(control.words), "evidence": evidence}


def _look(probe: Probe, seen: Seen) -> dict[str, Any]:
    return {
        "kind": "probe",
        "id": probe.name,
        "words": dict(probe.words),
        "state": seen.state,
        "count": seen.count,
        "last": seen.last,
        "leaf": seen.leaf,
        "kinds": list(probe.kinds),
        "fact": probe.fact,
        "rules": list(probe.rules),
        "breaches": list(seen.breaches),
        "overdue": seen.overdue,
    }


__all__ = [
    "FAILED",
    "NONE_YET",
    "NOT_RUN",
    "PASSED",
    "RESULTS",
    "SCHEMA",
    "SHIPPED",
    "SKIPPED",
    "cited_leaves",
    "pack_content",
    "result",
    "totals",
]
