# SPDX-License-Identifier: Apache-2.0
"""Random acts on a project: the fold stands at the last legal step, and documents played again or in another order change nothing."""

import contextlib
import datetime
import random

import pytest

from rempart.errors import RempartError
from rempart.records.project import Parties, ProjectAct, ProjectState, Signatory, fold, project_table, step
from tests.disclosure_rows import toml

DATA = toml("permits/states.toml")
TABLE = project_table(DATA, toml("permits/conflicts.toml"))
PERMIT = "P-2026-0001"
PEOPLE = {
    "alice": ("researcher",),
    "erin": ("researcher", "officer"),
    "olga": ("officer",),
    "otto": ("officer", "committee"),
    "carl": ("committee",),
}
PARTIES = Parties(application="sha256:a", project="g", regime="snds", persons=("alice",), principal="alice")
ENDS = frozenset(
    {
        "withdraw",
        "lapse",
        "unfavourable",
        "refuse",
        "provision",
        "erase",
        "ask",
        "relay",
        "extend",
        "close",
        "end",
        "amend",
    }
)
LENGTH = 24
_OF = {"alice": "applicant"}
BEGIN = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)


def random_acts(draw: random.Random, count: int) -> list[ProjectAct]:
    """Acts, most of them by whom they are asked of and over the last that was legal, some over anything."""
    acts: list[ProjectAct] = []
    now = ProjectState(permit=PERMIT)
    for number in range(count):
        likely = [name for name in TABLE.moves[now.state] for _ in range(1 if name in ENDS else 6)] or list(TABLE.acts)
        name = draw.choice(likely) if draw.random() < 0.8 else draw.choice(list(TABLE.acts))
        rule = TABLE.acts[name]
        by = [draw.choice([*_fit(part), draw.choice(list(PEOPLE))]) for part in rule.signers]
        last = now.document if draw.random() < 0.9 else draw.choice(["", *[one.document for one in acts]])
        acts.append(
            ProjectAct(
                act=name,
                permit=PERMIT,
                time=BEGIN + datetime.timedelta(hours=number),
                document="" if rule.kind else f"sha256:{number}",
                previous="" if rule.kind else last,
                signers=tuple(Signatory(actor=one, roles=PEOPLE[one]) for one in by),
                facts=dict.fromkeys(rule.facts, "x") if draw.random() < 0.95 else {},
                parties=PARTIES if name in {"apply", "provision"} else None,
            )
        )
        with contextlib.suppress(RempartError):
            now = step(now, acts[-1], TABLE)
    return acts


def _fit(part: str) -> list[str]:
    if part in {"applicant", "principal"}:
        return ["alice"]
    return [
        name
        for one in part.split("|")
        for name, roles in PEOPLE.items()
        if one in roles or one == "applicant" == _OF.get(name)
    ]


def naive(acts: list[ProjectAct]) -> tuple[str, list[str]]:
    """The state and the acts that count, written anew from the data file: no fold, no table object."""
    state, chain, signed = "absent", "", {}
    counted: list[str] = []
    for one in acts:
        rule, moves = DATA["acts"][one.act], DATA["states"][state]["moves"]
        if one.act not in moves:
            continue
        if "kind" not in rule:
            names = [signer.actor for signer in one.signers]
            parts = rule["signers"]
            if one.previous != chain or set(rule.get("facts", ())) - set(one.facts) or len(set(names)) != len(parts):
                continue
            orders = [names, names[::-1]]
            if not any(all(name in _fit(part) for name, part in zip(order, parts, strict=True)) for order in orders):
                continue
            if any(_conflict(name, one.act, signed) for name in names):
                continue
            chain = one.document
            for name in names:
                signed.setdefault(name, set()).add(one.act)
        state = moves[one.act]
        counted.append(one.document)
    return state, counted


def _conflict(name: str, act: str, signed: dict[str, set[str]]) -> bool:
    pairs = [
        ("complete", "favourable"),
        ("complete", "unfavourable"),
        ("favourable", "authorise"),
        ("favourable", "agree"),
    ]
    before = signed.get(name, set())
    own = name == "alice" and act not in {"apply", "answer", "agree", "withdraw", "close"}
    return own or any({one, other} == {act, earlier} for one, other in pairs for earlier in before)


@pytest.mark.parametrize("seed", range(300))
def test_the_fold_is_what_the_table_says_read_naively(seed: int) -> None:
    acts = random_acts(random.Random(seed), LENGTH)
    now = fold(PERMIT, acts, TABLE)
    state, counted = naive(acts)
    assert now.state == state
    assert [one.document for one in now.acts] == counted
    assert len(now.acts) + len(now.void) == len(acts)


def test_random_acts_go_far_enough_to_mean_something() -> None:
    folded = [fold(PERMIT, random_acts(random.Random(seed), LENGTH), TABLE) for seed in range(300)]
    assert {state for now in folded for _, state, _ in now.passages} == set(TABLE.moves) - {"absent"}


@pytest.mark.parametrize("seed", range(60))
def test_acts_played_again_change_nothing(seed: int) -> None:
    draw = random.Random(seed)
    acts = [one for one in random_acts(draw, LENGTH) if one.document]
    now = fold(PERMIT, acts, TABLE)
    again = list(acts)
    for one in draw.sample(acts, min(5, len(acts))):
        again.insert(draw.randrange(acts.index(one) + 1, len(again) + 1), one)
    replayed = fold(PERMIT, again, TABLE)
    assert (replayed.state, replayed.document) == (now.state, now.document)
    assert [one.document for one in replayed.acts] == [one.document for one in now.acts]


@pytest.mark.parametrize("seed", range(60))
def test_in_another_order_only_a_beginning_of_the_same_chain_counts(seed: int) -> None:
    draw = random.Random(seed)
    acts = [one for one in random_acts(draw, LENGTH) if one.document]
    mixed = draw.sample(acts, len(acts))
    done: list[ProjectAct] = list(fold(PERMIT, mixed, TABLE).acts)
    now = ProjectState(permit=PERMIT)
    for one in done:
        assert one.previous == now.document
        try:
            now = step(now, one, TABLE)
        except RempartError as error:
            pytest.fail(f"an act without effect was counted: {error}")
