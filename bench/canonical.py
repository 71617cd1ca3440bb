# SPDX-License-Identifier: Apache-2.0
"""What canonical bytes cost: everything that is hashed or signed passes through them."""

import json

from bench.registry import Work, bench
from rempart.records.canonical import canonical_bytes

STUDIES = [
    {
        "schema": "rempart.study/1",
        "permit": f"P-2026-{number:04d}",
        "codes": {"drug": [f"A10BG{code:02d}" for code in range(40)], "é": "à"},
        "protocol": {"washout": 365, "lag": 30, "weights": [0.1 * step for step in range(20)]},
    }
    for number in range(300)
]


@bench(
    "way-canonical-bytes",
    peer="json.dumps(sort_keys)",
    bound=15.0,
    note="RFC 8785 bytes of 300 study-like documents, against the standard library's sorted JSON (which is not canonical)",
)
def canonical() -> tuple[Work, Work]:
    """Both write every document once."""

    def ours() -> None:
        for study in STUDIES:
            canonical_bytes(study)

    def peer() -> None:
        for study in STUDIES:
            json.dumps(study, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    return ours, peer
