# SPDX-License-Identifier: Apache-2.0
"""The life of a project, folded from its signed acts in ledger order. Stores nothing, verifies no signature, knows no clock.

The table is data. Guards beside it: each act names the one before it, its signers hold the parts it asks for, nobody signs what a
conflict of theirs forbids.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from rempart.errors import BadInput, Refused, RempartError

START = "absent"
_APPLICANT, _PRINCIPAL, _RESEARCHER = "applicant", "principal", "researcher"
_EVERY, _OR = "*", "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who signed, and the roles that the trust file gave them at that instant."""

    actor: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """What the fold needs of an application: its id, who is named, who leads, which clocks run. Of a permit without an application,
    those whom it names; ``application`` is then ''."""

    application: str
    project: str
    regime: str
    persons: tuple[str, ...]
    principal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectAct:
    """One act. ``document``: id of the signed act, '' for what another kind of the ledger does; ``previous``: document of the act
    before, '' in the first; ``time``: UTC instant of the intent; ``parties``: of an act that files an application."""

    act: str
    permit: str
    time: datetime.datetime
    document: str = ""
    previous: str = ""
    signers: tuple[Signatory, ...] = ()
    facts: Mapping[str, str]
    parties: Parties | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectState:
    """``acts``: those that took effect, in order; ``document``: of the last signed one; ``void``: (document, code) of the others."""

    permit: str
    state: str = START
    document: str = ""
    parties: Parties | None = None
    passages: tuple[tuple[str, str, datetime.datetime], ...] = ()
    acts: tuple[ProjectAct, ...] = ()
    void: tuple[tuple[str, str], ...] = ()

    @property
    def since(self) -> datetime.datetime | None:
        """When the state that stands was entered; None before the first act."""
        entered = [at for number, (_, state, at) in enumerate(self.passages) if state != self._before(number)]
        return entered[-1] if entered else None

    def _before(self, number: int) -> str:
        return self.passages[number - 1][1] if number else START


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRule:
    """``signers``: parts, each filled by a different person, ``a|b`` by a holder of either; ``kind``: of the ledger, for an act that
    nobody signs by itself."""

    signers: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTable:
    """``moves``: state → act → state; an act that a state does not name is refused in it. ``pairs``: acts that nobody signs both of;
    ``named``: acts that nobody signs whom the application names; ``opens``: state → kinds of work that have keys in it, ``always``: in
    every state."""

    moves: Mapping[str, Mapping[str, str]]
    turn: Mapping[str, str]
    acts: Mapping[str, ActRule]
    pairs: frozenset[frozenset[str]]
    named: frozenset[str]
    opens: Mapping[str, frozenset[str]]
    always: frozenset[str]

    def allows(self, state: str, kind: str) -> bool:
        """Whether work of that kind has keys on a permit whose project is in that state."""
        return kind in self.always or bool({kind, _EVERY} & self.opens[state])

    def __post_init__(self) -> None:
        for state, moves in self.moves.items():
            if not set(moves) <= set(self.acts) or not set(moves.values()) <= set(self.moves):
                raise BadInput("project-table", name=state)
        known = self.named.union(*self.pairs)
        if START not in self.moves or not known <= set(self.acts):
            raise BadInput("project-table", name=", ".join(sorted(known - set(self.acts))) or START)

    @property
    def by_kind(self) -> Mapping[str, str]:
        """Kind of the ledger → the act that its effect is."""
        return {rule.kind: act for act, rule in self.acts.items() if rule.kind}


def project_table(states: Mapping[str, Any], conflicts: Mapping[str, Any]) -> ProjectTable:
    """The table of a parsed ``states.toml`` and ``conflicts.toml``; raises BadInput ``project-table`` when they do not fit."""
    rules: Mapping[str, Mapping[str, Any]] = states["acts"]
    return ProjectTable(
        moves={name: dict(entry["moves"]) for name, entry in states["states"].items()},
        turn={name: str(entry["turn"]) for name, entry in states["states"].items()},
        acts={
            act: ActRule(
                signers=tuple(rule.get("signers", ())),
                facts=tuple(rule.get("facts", ())),
                optional=tuple(rule.get("optional", ())),
                kind=str(rule.get("kind", "")),
            )
            for act, rule in rules.items()
        },
        pairs=frozenset(frozenset({str(row["one"]), str(row["other"])}) for row in conflicts["pairs"]),
        named=frozenset(conflicts["named"]),
        opens={name: frozenset(entry.get("opens", ())) for name, entry in states["states"].items()},
        always=frozenset(states["always"]["opens"]),
    )


def fold(permit: str, acts: Sequence[ProjectAct], table: ProjectTable) -> ProjectState:
    """The state after ``acts`` in ledger order. An act that a guard forbids has no effect and is listed in ``void``."""
    now = ProjectState(permit=permit)
    for act in acts:
        if act.permit != permit:
            continue
        try:
            now = step(now, act, table)
        except RempartError as error:
            now = replace(now, void=(*now.void, (act.document, error.code)))
    return now


def step(now: ProjectState, act: ProjectAct, table: ProjectTable) -> ProjectState:
    """The state after one more act.

    Raises BadInput ``project-act``, ``project-facts``; Refused ``project-state``, ``project-previous``, ``project-signers``,
    ``project-conflict``.
    """
    rule = table.acts.get(act.act)
    if rule is None:
        raise BadInput("project-act", act=act.act, expected=", ".join(table.acts))
    following = table.moves[now.state].get(act.act)
    if following is None:
        moves = ", ".join(table.moves[now.state]) or "-"
        raise Refused("project-state", permit=now.permit, state=now.state, act=act.act, moves=moves)
    if not rule.kind:
        _check_facts(act, rule)
        if act.previous != now.document:
            raise Refused("project-previous", permit=now.permit, act=act.act)
        _check_signers(now, act, rule)
        _check_conflicts(now, act, table)
    return replace(
        now,
        state=following,
        document=act.document or now.document,
        parties=(now.parties or act.parties) if rule.kind else (act.parties or now.parties),
        passages=(*now.passages, (act.act, following, act.time)),
        acts=(*now.acts, act),
    )


def _check_facts(act: ProjectAct, rule: ActRule) -> None:
    for name in rule.facts:
        if not act.facts.get(name, "").strip():
            raise BadInput("project-facts", act=act.act, field=name)
    for name in set(act.facts) - set(rule.facts) - set(rule.optional):
        raise BadInput("project-facts-unknown", act=act.act, field=name)


def _check_signers(now: ProjectState, act: ProjectAct, rule: ActRule) -> None:
    """Each part is filled by one signer, and every signer fills one."""
    parties = act.parties or now.parties
    different = len({signer.actor for signer in act.signers}) == len(act.signers) == len(rule.signers)
    filled = different and any(
        all(_fills_one(part, signer, parties) for part, signer in zip(rule.signers, people, strict=True))
        for people in permutations(act.signers)
    )
    if not filled:
        raise Refused("project-signers", act=act.act, expected=", ".join(rule.signers))


def _fills_one(parts: str, signer: Signatory, parties: Parties | None) -> bool:
    return any(_fills(part, signer, parties) for part in parts.split(_OR))


def _fills(part: str, signer: Signatory, parties: Parties | None) -> bool:
    if part == _APPLICANT:
        return parties is not None and signer.actor in parties.persons and _RESEARCHER in signer.roles
    if part == _PRINCIPAL:
        return parties is not None and signer.actor == parties.principal and _RESEARCHER in signer.roles
    return part in signer.roles


def _check_conflicts(now: ProjectState, act: ProjectAct, table: ProjectTable) -> None:
    parties = act.parties or now.parties
    for signer in act.signers:
        if act.act in table.named and parties is not None and signer.actor in parties.persons:
            raise Refused("project-conflict", actor=signer.actor, act=act.act, other="apply")
        for before in now.acts:
            barred = frozenset({before.act, act.act}) in table.pairs
            if barred and signer.actor in {one.actor for one in before.signers}:
                raise Refused("project-conflict", actor=signer.actor, act=act.act, other=before.act)


def diagram(table: ProjectTable) -> str:
    """The table as Markdown: what docs/permit.md shows."""
    lines = ["| state | turn | acts |", "|---|---|---|"]
    for name, moves in table.moves.items():
        told = " · ".join(
            f"`{act}` ({_by(table.acts[act])}) → {to}" if to != name else f"`{act}` ({_by(table.acts[act])})"
            for act, to in moves.items()
        )
        lines.append(f"| {name} | {table.turn[name]} | {told or '·'} |")
    return "\n".join(lines) + "\n"


def _by(rule: ActRule) -> str:
    return f"kind `{rule.kind}`" if rule.kind else " and ".join(rule.signers).replace(_OR, " or ")
