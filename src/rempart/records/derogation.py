# SPDX-License-Identifier: Apache-2.0
"""A derogation from the threshold of persons: a rare harm whose few cases may be told, because not to tell them would harm more.

It stands in a permit, for one outcome and down to a number of persons; a submission asks for it by the outcome's name, and both checkers
must vote for it by that name. The name is bound to the outcome's definition: another harm that a study calls so is not let.
It lifts nothing but the counts of those with the outcome, and what rests on them.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rempart.errors import BadInput, Refused
from rempart.records.outcome_definition import outcome_id

RARE_HARM = "rare-harm"
LEAST, MOST = 1, 10
_KEYS = frozenset({"kind", "outcome", "definition", "least", "reason"})
_ID = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derogation:
    """``outcome``: its name in the study; ``definition``: the id of what that name stands for (``outcome_definition.py``); ``least``: the
    fewest persons with it whom a table may tell; ``reason``: for all to read."""

    kind: str
    outcome: str
    definition: str
    least: int
    reason: str

    def __post_init__(self) -> None:
        if self.kind != RARE_HARM:
            raise BadInput("permit-field", field="derogations.kind", expected=RARE_HARM)
        if not self.outcome.strip() or not self.reason.strip():
            raise BadInput("permit-field", field="derogations", expected="outcome and reason, in words")
        if not _ID.fullmatch(self.definition):
            raise BadInput(
                "permit-field", field="derogations.definition", expected="the outcome's id, as study check says it"
            )
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
        texts = {name: str(item[name]) for name in ("kind", "outcome", "definition", "reason")}
        found.append(Derogation(**texts, least=item["least"]))
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


def check_definitions(asked: Sequence[Derogation], study: Mapping[str, Any], *, permit: str) -> None:
    """Raises Refused ``derogation-other-outcome`` where a study, in canonical form, calls other codes or records by an outcome's name."""
    for one in asked:
        if outcome_id(study, one.outcome) != one.definition:
            raise Refused("derogation-other-outcome", permit=permit, outcome=one.outcome)
