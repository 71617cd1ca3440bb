# SPDX-License-Identifier: Apache-2.0
"""``rempart audit pack``: the live ledger, the tests that ran and the published lists, joined into a folder that is verified offline."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rempart import __version__
from rempart.adapters import package_data
from rempart.adapters.junit_file import JUnit, read_junit
from rempart.adapters.ledger_files import read_text
from rempart.adapters.pack_folder import new_folder, write_pack
from rempart.adapters.surroundings import SystemClock
from rempart.audit.checkpoint import unproven
from rempart.audit.evidence_pack import NOT_RUN, pack_content
from rempart.audit.findings import Findings
from rempart.audit.pack_page import page
from rempart.audit.probes import Live, look
from rempart.audit.requirements import Control, Framework, Probe, cited_tests, controls, frameworks, probes
from rempart.audit.witness_policy import cosigners, parse_policy
from rempart.errors import NotTrusted
from rempart.journeys.evidence_pack import Looked, evidence_pack
from rempart.journeys.permits import events
from rempart.ports.surroundings import Progress
from rempart.wiring.audit import audit_rules, verify_warehouse
from rempart.wiring.policy import policy_now
from rempart.wiring.warehouse import Warehouse

FRAMEWORKS = ("satre", "cnil-warehouse", "mr007", "ehds73", "tehdas2", "rempart")
LANGUAGES = ("en", "fr")
_FOLDER = "audit/frameworks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The published lists, and what answers them. ``shown``: names of facts that a leaf may have to be cited."""

    frameworks: tuple[Framework, ...]
    controls: dict[str, Control]
    probes: dict[str, Probe]
    shown: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A pack as written. ``content``: its ``pack.json``; ``files``: how many; ``ran``: how many of the cited tests the JUnit file has."""

    content: Mapping[str, Any]
    files: int
    cited: int
    ran: int


def lists() -> Lists:
    """Everything under ``audit/frameworks``."""
    table = package_data.toml(f"{_FOLDER}/probes.toml")
    return Lists(
        frameworks=frameworks({name: package_data.toml(f"{_FOLDER}/{name}.toml") for name in FRAMEWORKS}),
        controls=controls(package_data.toml(f"{_FOLDER}/controls.toml")),
        probes=probes(table),
        shown=frozenset(table["pack"]["facts"]),
    )


def write_evidence_pack(warehouse: Warehouse, *, to: Path, tests: Path | None, progress: Progress) -> Packed:
    """Look at the ledger, join it with the tests' JUnit file, write the pack, and log it.

    Raises NotTrusted ``pack-log`` when the log itself is not whole (nothing in it could be believed), BadInput ``junit-form``, Refused
    ``file-exists``.
    """
    new_folder(to)
    ran = read_junit(tests) if tests is not None else JUnit()
    looked = _looked(warehouse)
    found = verify_warehouse(warehouse, since=None, deep=False, progress=progress)
    rules: Any = audit_rules()
    if broken := [item.rule for item in found.items if rules["rules"][item.rule].get("log")]:
        raise NotTrusted("pack-log", rule=broken[0])
    content, listed = _content(warehouse, lists(), looked, found, ran)
    made = evidence_pack(
        warehouse.recorder,
        warehouse.documents,
        looked=looked,
        content=content,
        tests=listed,
        texts=_texts(content),
    )
    write_pack(to, made)
    states = list(listed["tests"].values())
    return Packed(content=content, files=len(made), cited=len(states), ran=sum(state != NOT_RUN for state in states))


def _looked(warehouse: Warehouse) -> Looked:
    settings, ledger = warehouse.configuration, warehouse.ledger
    note = ledger.checkpoint()
    size = unproven(note).size
    return Looked(
        note=note, origin=settings.ledger_origin, public=settings.ledger_public, leaves=ledger.leaves(0, size)
    )


def _content(
    warehouse: Warehouse, given: Lists, looked: Looked, found: Findings, ran: JUnit
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``pack.json`` and ``tests.json``."""
    now = SystemClock().now()
    rules: Any = audit_rules()
    live = Live(
        events=dict(enumerate(events(warehouse.ledger)[: len(looked.leaves)])),
        findings=found,
        asked=frozenset(rules["rules"]),
        facts={"witnesses": _witnesses(warehouse, looked)},
        shown=given.shown,
        now=now,
    )
    tests = {test: ran.states.get(test, NOT_RUN) for test in cited_tests(given.controls)}
    content = pack_content(
        frameworks=given.frameworks,
        controls=given.controls,
        probes=given.probes,
        seen={name: look(probe, live) for name, probe in given.probes.items()},
        tests=tests,
        head={
            "made": now.isoformat(timespec="seconds"),
            "program": {"version": __version__},
            "log": looked.head(),
        },
    )
    listed = {
        "schema": "rempart.evidence-tests/1",
        "junit": ran.sha256,
        "began": ran.made,
        "cases": ran.count,
        "tests": tests,
    }
    return content, listed


def _witnesses(warehouse: Warehouse, looked: Looked) -> int:
    """How many witnesses of the house's policy cosigned a checkpoint that lies here, of the log as it is."""
    told = policy_now(warehouse).text("ledger.witnesses")
    if not told:
        return 0
    note = read_text(warehouse.controller / "ledger" / "cosigned") or looked.note
    return len(cosigners(parse_policy(told), note))


def _texts(content: Mapping[str, Any]) -> dict[str, str]:
    words = package_data.toml(f"{_FOLDER}/words.toml")
    pages = {f"pack.{language}.md": page(content, words[language], language) for language in LANGUAGES}
    return {**pages, "verify.py": package_data.text("adapters/pack_verifier.py")}
