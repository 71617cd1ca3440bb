# SPDX-License-Identifier: Apache-2.0
"""A derogation from the threshold of persons: a rare harm whose few cases may be told, because not to tell them would harm more.

It stands in a permit, for one outcome and down to a number of persons; a submission asks for it by the outcome's name, and both checkers
must vote for it by that name. It lifts nothing but the counts of those with the outcome, and what rests on them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from rempart.errors import BadInput, Refused

RARE_HARM = "rare-harm"
LEAST, MOST = 1, 10
_KEYS = frozenset({"kind", "outcome", "least", "reason"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Derogation:
    """``outcome``: its name in the study; ``least``: the fewest persons with it whom a table may tell; ``reason``: for all to read."""

    kind: str
    outcome: str
    least: int
    reason: str

    def __post_init__(self) -> None:
        if self.kind != RARE_HARM:
            raise BadInput("permit-field", field="derogations.kind", expected=RARE_HARM)
        if not self.outcome.strip() or not self.reason.strip():
            raise BadInput("permit-field", field="derogations", expected="outcome and reason, in words")
        if isinstance(self.least, bool) or not LEAST <= self.least <= MOST:
            raise BadInput("permit-field", field="derogations.least", expected=f"{LEAST} to {MOST} persons")

    def as_dict(self) -> dict[str, object]:
        """The canonical form."""
        return asdict(self)


def read_derogations(value: object) -> tuple[Derogation, ...]:
    """From parsed TOML or JSON; raises BadInput ``permit-field``."""
    if not isinstance(value, list):
        raise BadInput("permit-field", field="derogations", expected="[[derogations]] with " + ", ".join(sorted(_KEYS)))
    found = []
    for item in value:
        if not isinstance(item, Mapping) or set(item) != _KEYS or not isinstance(item["least"], int):
            raise BadInput("permit-field", field="derogations", expected=", ".join(sorted(_KEYS)))
        kind, outcome, reason = (str(item[name]) for name in ("kind", "outcome", "reason"))
        found.append(Derogation(kind=kind, outcome=outcome, least=item["least"], reason=reason))
    if len({one.outcome for one in found}) < len(found):
        raise BadInput("permit-field", field="derogations", expected="each outcome once")
    return tuple(found)


def permitted(asked: Collection[str], derogations: Sequence[Derogation], *, permit: str) -> tuple[Derogation, ...]:
    """Those asked for, by the outcome's name; raises Refused ``derogation-not-permitted`` for one that the permit does not hold."""
    held = {one.outcome: one for one in derogations}
    for name in asked:
        if name not in held:
            raise Refused("derogation-not-permitted", permit=permit, outcome=name)
    return tuple(held[name] for name in sorted(asked))
