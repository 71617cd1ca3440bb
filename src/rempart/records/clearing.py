# SPDX-License-Identifier: Apache-2.0
"""When a submission may leave without votes: the house's policy names each type of its tables, and nothing about it asks for eyes.

Decides; nothing is logged here. What left so is drawn for a checker's second look by the leaf itself, so that nobody chooses.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from rempart.errors import BadInput
from rempart.records.policy import Policy

TYPES = "types"
"""Key of a submission: output → type, signed by its author where the policy clears types by itself."""
_EYES = ("derogations", "files", "job")


def why_not(body: Mapping[str, Any], policy: Policy) -> tuple[str, ...]:
    """Reasons for which a submission waits for two checkers by what its document says, in words of ``say``; none: it need not.

    Every table has its type, each is one that clears by itself; no derogation, no file of a researcher's own.
    """
    types, tables = body.get(TYPES), body.get("tables")
    automatic = set(policy.names("release.automatic"))
    if not isinstance(types, Mapping) or not isinstance(tables, Mapping) or set(types) != set(tables) or not tables:
        return ("clear-types",)
    listed = [] if set(types.values()) <= automatic else ["clear-type"]
    return (*listed, *(["clear-eyes"] if any(body.get(name) for name in _EYES) else []))


def check_types(body: Mapping[str, Any]) -> None:
    """Raises BadInput ``release-field`` unless ``types``, where there is one, gives each table one type."""
    types = body.get(TYPES)
    if types is None:
        return
    named = isinstance(types, Mapping) and all(isinstance(one, str) and one for one in types.values())
    if not named or set(types) != set(body["tables"]):
        raise BadInput("release-field", field=TYPES)


SECOND_LOOK = "rempart.second-look/1"
LOOKS = ("sound", "unsound")
"""What a checker signs who looked at what left by itself. After ``unsound`` nothing clears by itself until a newer policy."""


def sampled(leaf: bytes, share: float) -> bool:
    """Whether a clearance is drawn for a second look. ``leaf``: its effect as appended: its salt is made after the author signed, and
    anybody who holds the log draws the same."""
    return int.from_bytes(hashlib.sha256(b"rempart second look\n" + leaf).digest()[:8], "big") < share * 2.0**64
