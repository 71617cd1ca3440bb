# SPDX-License-Identifier: Apache-2.0
"""The positive control of the canary scan: what the host would hold if nothing were sealed. For synthetic data only.

Only ``rempart demo`` calls it, on the warehouse of invented persons that it has just made; no command reaches it otherwise.
"""

from collections.abc import Iterator

from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.space import Vault, newest_commit, open_space, read_parts
from rempart.ports.broker import GrantRequest
from rempart.records.canonical import canonical_bytes
from rempart.records.omop import MAIN


def unsealed(vault: Vault, recorder: Recorder, *, space: str) -> Iterator[tuple[str, bytes]]:
    """(object name, clear bytes) of the newest snapshot of ``space``: each part as its Parquet file, the manifest as its body."""
    commit = newest_commit(vault.ledger, space)
    if commit is None:
        return
    with recorded(recorder, "hash", basis="operation:hash", objects=[f"space:{space}"], event_class="trace") as act:
        (first,) = vault.broker.grant(GrantRequest(intent=act.index, tables=((space, "manifest", MAIN, "read"),)))
        opened = open_space(vault, space=space, reference=first)
        tables = {(space, part.table, part.sibling, "read") for part in opened.body.parts}
        (second,) = vault.broker.grant(GrantRequest(intent=act.index, tables=tuple(sorted(tables))))
        body = {"tables": {t: {s: list(c) for s, c in siblings.items()} for t, siblings in opened.body.tables.items()}}
        yield (
            commit.manifest,
            canonical_bytes({**body, "lineage": list(opened.body.lineage), "facts": dict(opened.body.facts)}),
        )
        data = read_parts(vault, opened, opened.body.parts, reference=second)
        for part, clear in zip(opened.body.parts, data, strict=True):
            yield part.object, bytes(clear)
