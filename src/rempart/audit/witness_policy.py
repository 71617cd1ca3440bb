# SPDX-License-Identifier: Apache-2.0
"""Which witnesses must have cosigned a checkpoint before it is relied on, k of n: C2SP tlog-policy, in UTF-8."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rempart.audit.checkpoint import Checkpoint, parse_and_verify
from rempart.audit.cosignature import cosigned_at
from rempart.errors import BadInput, NotTrusted
from rempart.records.vkey import ED25519_COSIGNER, ED25519_LOG, MLDSA44_COSIGNER, VerifierKey, parse_vkey

_NOBODY = "none"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Witnesses when at least ``least`` of its members do, each a witness or a group."""

    least: int
    members: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class WitnessPolicy:
    """``logs``: those that the policy accepts, none = known from elsewhere; ``quorum``: a witness, a group, or ``none``; ``urls``: name of
    a witness → where it serves, of those that say so."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str = ""
    urls: dict[str, str] = field(default_factory=dict)


def parse_policy(text: str) -> WitnessPolicy:
    """A policy; raises BadInput ``witness-policy`` with the line that is none, ``verifier-key``."""
    policy, listed = WitnessPolicy(), set[str]()
    for number, words in _lines(text):
        good = False
        match words:
            case ["log", key] | ["log", key, _]:
                good = _log(policy, parse_vkey(key))
            case ["witness", name, key]:
                good = _witness(policy, name, parse_vkey(key))
            case ["witness", name, key, url]:
                good = _witness(policy, name, parse_vkey(key))
                policy.urls[name] = url
            case ["group", name, least, *members]:
                good = _group(policy, listed, name, least, members)
            case ["quorum", name]:
                good = not policy.quorum and (name == _NOBODY or _known(policy, name))
                policy.quorum = name
        if not good:
            raise BadInput("witness-policy", line=number)
    if not policy.quorum:
        raise BadInput("witness-policy", line=text.count("\n") + 1)
    return policy


def cosigners(policy: WitnessPolicy, note: str, *, since: int = 1) -> tuple[str, ...]:
    """Names of the policy's witnesses that cosigned ``note`` at ``since`` (Unix seconds, by their clocks) or later.

    Raises NotTrusted ``checkpoint-…`` for a line of theirs that does not hold.
    """
    return tuple(name for name, key in policy.witnesses.items() if cosigned_at(note, key) >= since)


def satisfied(policy: WitnessPolicy, note: str, *, since: int = 1) -> bool:
    """Whether the quorum cosigned ``note``; who signed it as the log is not asked. Raises as ``cosigners``."""
    return policy.quorum == _NOBODY or _witnessed(
        policy.groups, policy.quorum, frozenset(cosigners(policy, note, since=since))
    )


def with_lines(policy: WitnessPolicy, note: str, lines: str) -> str:
    """``note`` with those of ``lines`` (signature lines, from anywhere) that a witness of the policy wrote over it and that hold."""
    for line in lines.splitlines(keepends=True):
        candidate = note if line in note else note + line
        try:
            known = len(cosigners(policy, candidate)) > len(cosigners(policy, note))
        except NotTrusted:
            continue
        note = candidate if known else note
    return note


def by_policy(policy: WitnessPolicy, note: str, *, origin: str, public: bytes) -> Checkpoint:
    """The checkpoint of the log ``origin``, once the log signed it, the policy accepts that log, and its quorum cosigned it.

    Raises NotTrusted ``checkpoint-…``, ``witness-policy-log``, ``witness-quorum``.
    """
    checkpoint = parse_and_verify(note, origin, public)
    if policy.logs and VerifierKey(name=origin, kind=ED25519_LOG, public=public) not in policy.logs:
        raise NotTrusted("witness-policy-log", origin=origin)
    if not satisfied(policy, note):
        raise NotTrusted("witness-quorum", quorum=policy.quorum, seen=", ".join(cosigners(policy, note)) or "-")
    return checkpoint


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number, words) of each line that says something; only spaces and tabs part words."""
    for number, line in enumerate(text.split("\n"), 1):
        if _CONTROL.search(line):
            raise BadInput("witness-policy", line=number)
        words = [word for word in re.split("[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            yield number, words


def _log(policy: WitnessPolicy, key: VerifierKey) -> bool:
    good = key.kind == ED25519_LOG and all(key.public != other.public for other in policy.logs)
    policy.logs.append(key)
    return good


def _witness(policy: WitnessPolicy, name: str, key: VerifierKey) -> bool:
    good = key.kind in {ED25519_COSIGNER, MLDSA44_COSIGNER} and _new(policy, name)
    good = good and all(key.public != other.public for other in policy.witnesses.values())
    policy.witnesses[name] = key
    return good


def _group(policy: WitnessPolicy, listed: set[str], name: str, least: str, members: list[str]) -> bool:
    """A member stands in one group only, so that nobody counts twice."""
    good = _new(policy, name) and all(_known(policy, member) for member in members)
    good = good and len(set(members)) == len(members) and not listed & set(members)
    count = {"all": len(members), "any": 1}.get(least) or (int(least) if _COUNT.fullmatch(least) else 0)
    listed |= set(members)
    policy.groups[name] = Group(least=count, members=tuple(members))
    return good and 1 <= count <= len(members)


def _new(policy: WitnessPolicy, name: str) -> bool:
    return name != _NOBODY and not _known(policy, name)


def _known(policy: WitnessPolicy, name: str) -> bool:
    return name in policy.witnesses or name in policy.groups


def _witnessed(groups: Mapping[str, Group], name: str, seen: frozenset[str]) -> bool:
    group = groups.get(name)
    if group is None:
        return name in seen
    return sum(_witnessed(groups, member, seen) for member in group.members) >= group.least
