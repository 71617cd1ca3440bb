# SPDX-License-Identifier: Apache-2.0
"""Who objects, under which law: the regimes of ``objection_regimes.toml`` and the table that adding and withdrawing leave behind.

Knows pseudonyms only. What a regime reaches is data; who may add or withdraw is the journey's work.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rempart.errors import BadInput

_FORMER = "gdpr-21"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A law under which persons object. ``running``: reaches datasets granted before; ``words``: language → name."""

    name: str
    running: bool
    words: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Objection:
    """One person's objection under one regime; ``document``: id of the officer's signed act that added it."""

    pseudonym: str
    regime: str
    since: datetime.date
    document: str


def regimes(parsed: Mapping[str, Any]) -> dict[str, Regime]:
    """Regimes by name, from parsed ``objection_regimes.toml``."""
    return {
        name: Regime(name=name, running=row["running"], words={"en": row["en"], "fr": row["fr"]}, source=row["source"])
        for name, row in parsed["regimes"].items()
    }


def known_regime(name: str, among: Mapping[str, Regime]) -> Regime:
    """The regime of that name; raises BadInput ``objection-regime``."""
    if name not in among:
        raise BadInput("objection-regime", given=name, expected=", ".join(sorted(among)))
    return among[name]


def from_columns(columns: Mapping[str, Sequence[Any]]) -> list[Objection]:
    """Objections of a sealed table; one written before regimes were kept counts under the regime that reaches furthest."""
    names = columns.get("pseudonym", ())
    blank = [None] * len(names)
    rest = zip(columns.get("regime", blank), columns.get("since", blank), columns.get("document", blank), strict=True)
    return [
        Objection(
            pseudonym=name, regime=regime or _FORMER, since=since or datetime.date(1970, 1, 1), document=document or ""
        )
        for name, (regime, since, document) in zip(names, rest, strict=True)
    ]


def added(
    present: Iterable[Objection], names: Iterable[str], *, regime: str, since: datetime.date, document: str
) -> list[Objection]:
    """``present`` with these persons under ``regime``; who objected so before keeps the first date."""
    held = {(one.pseudonym, one.regime): one for one in present}
    for name in names:
        held.setdefault((name, regime), Objection(pseudonym=name, regime=regime, since=since, document=document))
    return sorted(held.values())


def withdrawn(
    present: Iterable[Objection], names: Iterable[str], *, regime: str | None, former: Iterable[tuple[str, str]] = ()
) -> list[Objection]:
    """``present`` without these persons' objections, under one regime or under any, those under a former key too. ``former``: as for
    ``with_former``; where one former key is several persons today, the others' objections stand, under the keys they have."""
    gone, today = set(names), dict[str, set[str]]()
    for before, now in former:
        today.setdefault(before, set()).add(now)
    held: dict[tuple[str, str], Objection] = {}
    for one in present:
        meant, others = regime in (None, one.regime), today.get(one.pseudonym, set())
        if not meant or not gone & {one.pseudonym, *others}:
            held[one.pseudonym, one.regime] = one
        elif one.pseudonym not in gone:
            for name in others - gone:
                held.setdefault((name, one.regime), replace(one, pseudonym=name))
    return sorted(held.values())


def with_former(out: frozenset[str], pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """``out`` with every name of the same persons. ``pairs``: (a pseudonym of a key that a person had before, the person's present one)."""
    names: dict[str, set[str]] = {}
    for former, present in pairs:
        names.setdefault(present, {present}).add(former)
    return out.union(*(held for held in names.values() if held & out))


def reaching(present: Iterable[Objection], among: Mapping[str, Regime], *, running: bool) -> frozenset[str]:
    """Pseudonyms to leave out: of a dataset to come, everybody's; of one that runs, those whose regime says so.

    A regime that the file does not name (it was taken out of it) reaches everything.
    """
    return frozenset(
        one.pseudonym for one in present if not running or one.regime not in among or among[one.regime].running
    )
