# SPDX-License-Identifier: Apache-2.0
"""The key broker's rules: which keys a logged intent opens. The rules are rows of ``grants.toml``; this file reads and applies them.

Pure: it holds no key and hands none out.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rempart.errors import Refused
from rempart.keys import erasure, rotation
from rempart.keys.intents import (
    Proofs,
    document_rule,
    open_intent,
    require_protocol,
    require_result,
    valid_permit,
)
from rempart.keys.orders import require_order
from rempart.keys.policy_book import policy_of
from rempart.keys.project_guard import require_agreed, require_contents, require_open
from rempart.keys.standing_guard import require_attested, require_decisions, require_entry
from rempart.ports.broker import GrantRequest
from rempart.records.event import LedgerEvent
from rempart.records.omop import MAIN, TableLayout
from rempart.records.permit import Permit
from rempart.records.policy import Form, Policy
from rempart.records.project import ProjectTable

_GRANT = "permit"
Use = tuple[str, str, str, str]  # space, table, sibling, mode
SAYS: Mapping[str, Callable[[LedgerEvent, Mapping[str, Any]], None]] = {
    "rotation": rotation.check_intent,
    "erasure": erasure.check_intent,
}
"""Kinds whose document must say what the intent says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one kind of intent opens; the fields are those of ``grants.toml``."""

    basis: str
    space: str
    named: bool
    allow: tuple[Use, ...]
    secrets: tuple[str, ...]
    document: Mapping[str, str] | None
    result: bool
    order: bool
    protocol: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules by kind of intent; ``hours``: how long an intent opens anything; ``projects``: the states of projects; ``policy_form``: the
    fields of the house's policy; ``contents``: what a permit holds; ``strict``: whether orders are asked for."""

    hours: int
    kinds: Mapping[str, Rule]
    projects: ProjectTable
    policy_form: Form
    contents: Mapping[str, Any]
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was granted, and the leaf and permit it rests on; ``until``: last day of the permit, None for an operation."""

    intent: int
    kind: str
    actor: str
    basis: str
    uses: frozenset[Use]
    secrets: frozenset[str]
    until: datetime.date | None

    def allows(self, space: str, table: str, sibling: str, mode: str) -> bool:
        """Whether that use was granted."""
        return (space, table, sibling, mode) in self.uses

    def writes_in(self, space: str) -> bool:
        """Whether anything in ``space`` may be written."""
        return any(use[0] == space and use[3] == "write" for use in self.uses)


def grant_rules(
    parsed: Mapping[str, Any],
    *,
    projects: ProjectTable,
    policy_form: Form,
    contents: Mapping[str, Any],
    strict: bool = False,
) -> Rules:
    """Rules from parsed ``grants.toml``; ``contents``: parsed ``permit_contents.toml``; ``strict``: an act that a rule marks with ``order``
    needs an officer's."""
    kinds = {
        kind: Rule(
            basis=row["basis"],
            space=row["space"],
            named=row["named"],
            allow=tuple(_use(text) for text in row["allow"]),
            secrets=tuple(row["secrets"]),
            document=row.get("document"),
            result=row.get("result", False),
            order=row.get("order", False),
            protocol=row.get("protocol", False),
        )
        for kind, row in parsed["kinds"].items()
    }
    return Rules(
        hours=parsed["hours"],
        kinds=kinds,
        projects=projects,
        policy_form=policy_form,
        contents=contents,
        strict=strict,
    )


def decide(request: GrantRequest, proofs: Proofs, *, rules: Rules, layouts: Mapping[str, TableLayout]) -> Scope:
    """The scope of a request that every rule allows.

    Raises Refused ``grant-…`` or ``permit-…`` naming the rule, NotTrusted when a document or a signature does not prove itself.
    """
    intent = open_intent(proofs.events, request.intent, now=proofs.now, hours=rules.hours)
    rule = rules.kinds.get(intent.kind)
    if rule is None:
        raise Refused("grant-kind", kind=intent.kind)
    permit = _permit(proofs, request.intent, rule)
    policy = policy_of(proofs, rules.policy_form)
    if permit is not None and intent.kind not in rules.projects.always:
        _check_project(proofs, request.intent, permit, rules, policy)
    space = _space(intent, rule, permit)
    if rule.document is not None:
        document = document_rule(proofs, request.intent, permit, rule.document)
        if intent.kind in SAYS:
            SAYS[intent.kind](intent, document.body)
        if intent.kind == erasure.KIND:
            erasure.check_warehouse(proofs.events[0], document.body)
        if permit is not None and rule.document["role"] == "researcher":
            require_attested(proofs, document, policy)
        if rule.protocol:
            require_protocol(proofs, request.intent, document.over)
    if rules.strict and rule.order:
        require_order(proofs, intent.kind)
    if rule.result:
        require_result(proofs, intent)
    _check_uses(request, rule, space, permit, layouts)
    _check_secrets(request, rule, space)
    return Scope(
        intent=request.intent,
        kind=intent.kind,
        actor=intent.actor,
        basis=intent.basis,
        uses=frozenset(request.tables),
        secrets=frozenset(request.secrets),
        until=permit.valid[1] if permit else None,
    )


def _check_project(proofs: Proofs, index: int, permit: Permit, rules: Rules, policy: Policy) -> None:
    """A grant waits for the agreement and for the decisions on the warehouse, other work for an open project in the register."""
    require_open(proofs, index, rules.projects)
    if proofs.events[index].kind == _GRANT:
        full = policy.text("circuit") == "full"
        parties = require_agreed(proofs, index, rules.projects, full=full)
        require_decisions(proofs, policy)
        if full and permit.identifiers is None:
            raise Refused("permit-identifiers-unsaid", permit=permit.id)
        if full:
            require_contents(proofs, permit, parties, rules.contents)
    else:
        require_entry(proofs, permit, policy)


def _use(text: str) -> Use:
    space, table, sibling, mode = text.split("/")
    return space, table, sibling, mode


def _permit(proofs: Proofs, index: int, rule: Rule) -> Permit | None:
    intent = proofs.events[index]
    if rule.basis == "permit":
        return valid_permit(proofs, index)
    if intent.basis != f"operation:{intent.kind}":
        raise Refused("grant-basis", kind=intent.kind, basis=intent.basis)
    return None


def _space(intent: LedgerEvent, rule: Rule, permit: Permit | None) -> str:
    """The space that the rule speaks of; the intent must name it where the rule says so, and never another."""
    told = intent.fact("space")
    space = {"@project": permit.space if permit else "", "@told": told or ""}.get(rule.space, rule.space)
    if not space or told not in ({space} if rule.named else {None, space}):
        raise Refused("grant-space", kind=intent.kind, space=space)
    return space


def _check_uses(
    request: GrantRequest, rule: Rule, space: str, permit: Permit | None, layouts: Mapping[str, TableLayout]
) -> None:
    allowed = list(_resolved(rule, space))
    permitted = _permitted(permit, layouts)
    for use in request.tables:
        if not any(_fits(use, pattern, permitted) for pattern in allowed):
            raise Refused("grant-scope", use="/".join(use))


def _resolved(rule: Rule, space: str) -> Iterator[Use]:
    for place, table, sibling, mode in rule.allow:
        yield space if place in {"@project", "@told"} else place, table, sibling, mode


def _fits(use: Use, pattern: Use, permitted: frozenset[tuple[str, str]]) -> bool:
    space, table, sibling, mode = use
    if space != pattern[0] or mode != pattern[3]:
        return False
    if pattern[1] == "@permitted":
        return (table, sibling) in permitted
    return _named(table, pattern[1]) and _named(sibling, pattern[2])


def _named(name: str, pattern: str) -> bool:
    """Whether ``pattern`` is the name, or its beginning and a star."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _permitted(permit: Permit | None, layouts: Mapping[str, TableLayout]) -> frozenset[tuple[str, str]]:
    """(table, sibling) that the permit's columns reach: main of each permitted table, and each sibling with a named column."""
    found = set()
    for table, columns in (permit.tables if permit else {}).items():
        layout = layouts.get(table)
        if layout is not None:
            named = {layout.sibling_of(column) for column in columns}
            found |= {(table, sibling) for sibling in named if sibling is not None} | {(table, MAIN)}
    return frozenset(found)


def _check_secrets(request: GrantRequest, rule: Rule, space: str) -> None:
    allowed = {name.replace("@project", space) for name in rule.secrets}
    for name in request.secrets:
        if name not in allowed:
            raise Refused("grant-secret", secret=name)
