# SPDX-License-Identifier: Apache-2.0
"""What the house has decided about itself: one signed document at a time, each version after the one before, two officers each.

Where nothing was decided, the defaults of ``records/policy.toml`` hold. Says what holds; whoever asks acts on it.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rempart.errors import BadInput, NotTrusted, Refused, RempartError
from rempart.records.document import SignedDocument
from rempart.records.event import LedgerEvent
from rempart.records.trust import TrustFile
from rempart.records.trust_chain import quorum_signers

KIND = "policy"
SCHEMA = "rempart.policy/1"
OFFICERS = 2
Form = Mapping[str, Mapping[str, Any]]
_KEYS = frozenset({"schema", "version", "values", "reasons"})
_REASONS = "reasons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``version``: 0 where nothing was decided. ``values``: every field of the form, by its dotted name; ``reasons``: why a number lies
    beyond what is usual."""

    version: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A choice or a text."""
        return str(self.values[name])

    def number(self, name: str) -> int:
        """A whole number."""
        return int(self.values[name])

    def share(self, name: str) -> float:
        """A number between 0 and 1."""
        return float(self.values[name])

    def flag(self, name: str) -> bool:
        """Yes or no."""
        return bool(self.values[name])

    def names(self, name: str) -> tuple[str, ...]:
        """A list of names."""
        return tuple(self.values[name])


def form_of(data: Mapping[str, Any]) -> Form:
    """The fields of a parsed ``records/policy.toml``."""
    fields: Form = data["fields"]
    return fields


def undecided(form: Form) -> Policy:
    """What holds where nothing was decided."""
    return Policy(values={name: rule["default"] for name, rule in form.items()})


def policy_body(value: Mapping[str, Any], form: Form, *, file: str) -> dict[str, Any]:
    """What officers sign, from a file: its sections joined by dots, what is a default left out.

    Raises BadInput ``policy-field`` (an unknown field, a value of another kind, a number out of bounds), ``policy-reason`` (one beyond what
    is usual without a reason).
    """
    told = {name: item for name, item in value.items() if name not in {"schema", "version", _REASONS}}
    flat = dict(_flat(told))
    reasons = {str(name): str(why) for name, why in dict(value.get(_REASONS, {})).items()}
    body = {"schema": value.get("schema"), "version": value.get("version"), "values": flat, "reasons": reasons}
    policy = policy_from_body(body, form, file=file)
    left = {name: item for name, item in policy.values.items() if item != form[name]["default"]}
    return {"schema": SCHEMA, "version": policy.version, "values": left, "reasons": dict(policy.reasons)}


def _flat(value: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{before}{name}.")
        else:
            yield before + name, item


def policy_from_body(body: Mapping[str, Any], form: Form, *, file: str) -> Policy:
    """A policy with every field that it leaves out at its default; raises as ``policy_body``."""
    if set(body) != _KEYS or body["schema"] != SCHEMA:
        raise BadInput("policy-field", file=file, field="schema", expected=SCHEMA)
    version, values, reasons = body["version"], body["values"], body["reasons"]
    if type(version) is not int or version < 1:
        raise BadInput("policy-field", file=file, field="version", expected="1, 2, 3…")
    for name in (*values, *reasons):
        if name not in form:
            raise BadInput("policy-field", file=file, field=name, expected=", ".join(form))
    for name, item in values.items():
        _check(name, item, form[name], file=file)
        _check_usual(name, item, form[name], reasons.get(name, ""), file=file)
    return Policy(version=version, values={**undecided(form).values, **values}, reasons=reasons)


def _check(name: str, item: object, rule: Mapping[str, Any], *, file: str) -> None:
    kind, choices = rule["kind"], list(rule.get("choices", ()))
    fits = {
        "choice": item in choices,
        "text": isinstance(item, str),
        "flag": isinstance(item, bool),
        "names": isinstance(item, list)
        and all(isinstance(one, str) and (not choices or one in choices) for one in item),
        "number": type(item) is int and rule.get("floor", 0) <= item <= rule.get("ceiling", 0),
        "share": type(item) in {int, float} and rule.get("floor", 0) <= item <= rule.get("ceiling", 0),
    }[kind]
    if not fits:
        bounds = f"{rule['floor']} – {rule['ceiling']}" if "floor" in rule else kind
        raise BadInput("policy-field", file=file, field=name, expected=", ".join(choices) or bounds)


def _check_usual(name: str, item: Any, rule: Mapping[str, Any], reason: str, *, file: str) -> None:
    if "least" in rule and not rule["least"] <= item <= rule["most"] and not reason.strip():
        raise BadInput("policy-reason", file=file, field=name, least=rule["least"], most=rule["most"])


def read_policy(data: bytes, *, trust: TrustFile, on: datetime.datetime, form: Form) -> Policy:
    """A signed policy, two officers proven at that instant; raises NotTrusted ``document-form``, ``signature``; Refused ``officers-two``;
    BadInput as ``policy_body``."""
    signed = SignedDocument.from_bytes(data, schema=SCHEMA)
    check_officers(signed, trust=trust, on=on)
    try:
        return policy_from_body(signed.body, form, file=SCHEMA)
    except (TypeError, AttributeError) as error:
        raise NotTrusted("document-form", expected=SCHEMA) from error


def check_officers(signed: SignedDocument, *, trust: TrustFile, on: datetime.datetime) -> None:
    """Raises Refused ``officers-two`` or NotTrusted ``signature``."""
    found = quorum_signers(signed.signatures, over=signed.over, trust=trust, on=on)
    if len(found) < OFFICERS:
        raise Refused("officers-two", signed=len(found))


def in_force(
    events: Iterable[tuple[int, LedgerEvent]], read: Callable[[int, LedgerEvent], Policy], *, start: Policy
) -> Policy:
    """The policy after these leaves: each that took effect and is the version after the one in force. A document that proves nothing
    decides nothing (the audit names it). ``events``: index and leaf, in order; ``read``: of an intent, raises RempartError."""
    intents: dict[int, LedgerEvent] = {}
    now = start
    for index, event in events:
        if event.kind != KIND:
            continue
        if event.phase == "intent":
            intents[index] = event
        elif event.phase == "effect" and event.of in intents:
            now = _after(now, read, event.of, intents[event.of])
    return now


def _after(now: Policy, read: Callable[[int, LedgerEvent], Policy], index: int, intent: LedgerEvent) -> Policy:
    try:
        new = read(index, intent)
    except RempartError:
        return now
    return new if new.version == now.version + 1 else now
