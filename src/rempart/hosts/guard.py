# SPDX-License-Identifier: Apache-2.0
"""The guard: what a host or a node may hold, by its declaration, the rules and the day.

It judges what was declared and signed; it cannot see whether the declaration is true. EDPB use case 6 is why no key goes to a
node that a law outside the Union reaches; use case 1 is why such a host may still store what it cannot read.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rempart.errors import Refused
from rempart.hosts.rules import PROFILES, Profile, Rules
from rempart.records.descriptor import UNION, Declaration
from rempart.records.descriptor_form import host_from_body, node_from_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that is not met. ``what``: the countries, names, shares or dates that do not meet it."""

    rule: str
    effect: Profile
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Something that ends soon. ``what``: ``declaration``, ``hds``, ``secnumcloud`` or an authorisation's name; ``days`` left."""

    what: str
    until: datetime.date
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """``profile``: ``everything`` (may compute and store), ``ciphertext`` (may store what it cannot read) or ``nothing``."""

    profile: Profile
    findings: tuple[Finding, ...]
    warnings: tuple[Ending, ...]

    @property
    def worst(self) -> Finding | None:
        """The first finding that brings the profile down to what it is; None when nothing is withheld."""
        return next((item for item in self.findings if item.effect == self.profile != "everything"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What a question is put to."""

    told: Declaration
    rules: Rules
    on: datetime.date
    without: Set[str]

    def foreign(self, country: str) -> bool:
        return country not in self.rules.union


def judge(declaration: Declaration, rules: Rules, on: datetime.date, *, without: Set[str] = frozenset()) -> Judgement:
    """What may lie at, or be computed by, whoever is so declared, on that day; ``without``: premises taken as fallen."""
    case = _Case(told=declaration, rules=rules, on=on, without=without)
    findings = tuple(
        Finding(rule=rule.id, effect=rule.effect, what=", ".join(bad))
        for rule in rules.rules
        if (bad := list(QUESTIONS[rule.ask](case)))
    )
    profile = max((item.effect for item in findings), key=PROFILES.index, default=PROFILES[0])
    return Judgement(profile=profile, findings=findings, warnings=tuple(_endings(case)))


def check_compute(body: Mapping[str, Any], on: datetime.date, rules: Rules) -> None:
    """Whether the node of a signed body may be given keys that day.

    Raises Refused ``compute-…`` with the facts node, rule, citation; NotTrusted ``document-form``.
    """
    declaration = node_from_body(body).declaration
    verdict = judge(declaration, rules, on)
    if verdict.worst is not None:
        rule = rules.rule(verdict.worst.rule)
        raise _COMPUTE[rule.group](node=declaration.name, rule=rule.id, what=verdict.worst.what, citation=rule.cites)


def check_store(body: Mapping[str, Any], on: datetime.date, rules: Rules) -> Judgement:
    """Whether the host of a signed body may be given sealed bytes that day; the judgement, for its warnings.

    Raises Refused ``store-…`` with the facts host, rule, citation; NotTrusted ``document-form``.
    """
    declaration = host_from_body(body).declaration
    verdict = judge(declaration, rules, on)
    if verdict.profile == "nothing" and verdict.worst is not None:
        rule = rules.rule(verdict.worst.rule)
        raise _STORE[rule.group](host=declaration.name, rule=rule.id, what=verdict.worst.what, citation=rule.cites)
    return verdict


_COMPUTE: Mapping[str, Callable[..., Refused]] = {
    "location": lambda **facts: Refused("compute-outside-eea", **facts),
    "transfer": lambda **facts: Refused("compute-transfer", **facts),
    "law": lambda **facts: Refused("compute-foreign-law", **facts),
    "certificate": lambda **facts: Refused("compute-not-certified", **facts),
    "end": lambda **facts: Refused("compute-ended", **facts),
}
_STORE: Mapping[str, Callable[..., Refused]] = {
    "location": lambda **facts: Refused("store-outside-eea", **facts),
    "transfer": lambda **facts: Refused("store-transfer", **facts),
    "certificate": lambda **facts: Refused("store-not-certified", **facts),
    "end": lambda **facts: Refused("store-ended", **facts),
}


def _storage(case: _Case) -> Iterator[str]:
    yield from (country for country in case.told.storage_countries if country not in case.rules.eea)


def _transfer(case: _Case) -> Iterator[str]:
    """Third countries from which the service is reached, directly or by a subprocessor, with no ground for it."""
    grounds = case.rules.eea | case.rules.adequacy(case.without) | set(case.told.safeguards)
    reached = (*case.told.access_countries, *(item.country for item in case.told.subprocessors))
    yield from sorted({country for country in reached if country not in grounds})


def _seat(case: _Case) -> Iterator[str]:
    if case.foreign(case.told.seat):
        yield case.told.seat


def _laws(case: _Case) -> Iterator[str]:
    yield from (law for law in case.told.laws if law[:2] != UNION and case.foreign(law[:2]))


def _access(case: _Case) -> Iterator[str]:
    yield from (country for country in case.told.access_countries if case.foreign(country))


def _subprocessors(case: _Case) -> Iterator[str]:
    yield from (f"{item.name} ({item.country})" for item in case.told.subprocessors if case.foreign(item.country))


def _owner(case: _Case) -> Iterator[str]:
    for owner in case.told.ownership:
        if case.foreign(owner.country) and owner.share > case.rules.individual:
            yield f"{owner.holder} ({owner.country}) {owner.share:f} %"


def _owners(case: _Case) -> Iterator[str]:
    """What is not shown to be held within the Union counts as held outside it; the controller's own machine has no owners."""
    within = (owner.share for owner in case.told.ownership if not case.foreign(owner.country))
    outside = 100 - sum(within, Decimal(0))
    if outside > case.rules.collective and not (case.told.own and not case.told.ownership):
        yield f"{outside:f} %"


def _veto(case: _Case) -> Iterator[str]:
    yield from (
        f"{owner.holder} ({owner.country})"
        for owner in case.told.ownership
        if owner.veto and case.foreign(owner.country)
    )


def _hds(use: str) -> Callable[[_Case], Iterator[str]]:
    """Whether a certificate covers the activities of a use; the controller that hosts for itself needs none."""

    def missing(case: _Case) -> Iterator[str]:
        held, needed = case.told.hds, case.rules.hds[use]
        if case.told.own:
            return
        if held is not None and held.until < case.on:
            yield held.until.isoformat()
        lacking = needed - set(held.activities if held else ())
        if lacking:
            yield " ".join(str(activity) for activity in sorted(lacking))

    return missing


def _authorisations(case: _Case) -> Iterator[str]:
    yield from (f"{item.name} ({item.until.isoformat()})" for item in case.told.authorisations if item.until < case.on)


def _valid(case: _Case) -> Iterator[str]:
    first, last = case.told.valid
    if not first <= case.on <= last:
        yield f"{first.isoformat()} – {last.isoformat()}"


def _secnumcloud(case: _Case) -> Iterator[str]:
    if not case.told.own and (case.told.secnumcloud is None or case.told.secnumcloud < case.on):
        yield case.told.secnumcloud.isoformat() if case.told.secnumcloud else "–"


QUESTIONS: Mapping[str, Callable[[_Case], Iterator[str]]] = {
    "storage": _storage,
    "transfer": _transfer,
    "seat": _seat,
    "laws": _laws,
    "access": _access,
    "subprocessors": _subprocessors,
    "owner": _owner,
    "owners": _owners,
    "veto": _veto,
    "hds-storage": _hds("storage"),
    "hds-compute": _hds("compute"),
    "authorisations": _authorisations,
    "valid": _valid,
    "secnumcloud": _secnumcloud,
}
"""The questions that a rule may ask, by the name that the table uses; each yields what speaks against."""


def _endings(case: _Case) -> Iterator[Ending]:
    """What ends within the days of warning and has not ended yet, the soonest first."""
    told = case.told
    ends = [("declaration", told.valid[1]), *((item.name, item.until) for item in told.authorisations)]
    if told.hds:
        ends.append(("hds", told.hds.until))
    if told.secnumcloud:
        ends.append(("secnumcloud", told.secnumcloud))
    for what, until in sorted(ends, key=lambda end: (end[1], end[0])):
        days = (until - case.on).days
        if 0 <= days < case.rules.warn_days:
            yield Ending(what=what, until=until, days=days)
