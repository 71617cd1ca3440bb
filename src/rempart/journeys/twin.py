# SPDX-License-Identifier: Apache-2.0
"""The positive control of the canary scan: what the host would hold if nothing were sealed. For synthetic data only.

Only ``rempart demo`` calls it, on the warehouse of invented persons that it has just made; no command reaches it otherwise.
"""

from collections.abc import Iterator

from rempart.journeys.ingest import SPACE
from rempart.journeys.recorded import Recorder, recorded
from rempart.journeys.space import Vault, newest_commit, open_space, read_parts
from rempart.ports.broker import GrantRequest
from rempart.records.canonical import canonical_bytes
from rempart.records.omop import MAIN


def unsealed(vault: Vault, recorder: Recorder) -> Iterator[tuple[str, bytes]]:
    """(object name, clear bytes) of the warehouse's newest snapshot: each part as its Parquet file, the manifest as its body.

    The release index is left out: no grant but the fingerprint's opens it.
    """
    commit = newest_commit(vault.ledger, SPACE)
    if commit is None:
        return
    with recorded(recorder, "hash", basis="operation:hash", objects=[f"space:{SPACE}"], event_class="trace") as act:
        (first,) = vault.broker.grant(GrantRequest(intent=act.index, tables=((SPACE, "manifest", MAIN, "read"),)))
        opened = open_space(vault, space=SPACE, reference=first)
        parts = [part for part in opened.body.parts if part.sibling != "release_index"]
        tables = {(SPACE, part.table, part.sibling, "read") for part in parts}
        (second,) = vault.broker.grant(GrantRequest(intent=act.index, tables=tuple(sorted(tables))))
        body = {"tables": {t: {s: list(c) for s, c in siblings.items()} for t, siblings in opened.body.tables.items()}}
        yield (
            commit.manifest,
            canonical_bytes({**body, "lineage": list(opened.body.lineage), "facts": dict(opened.body.facts)}),
        )
        for part, clear in zip(parts, read_parts(vault, opened, parts, reference=second), strict=True):
            yield part.object, bytes(clear)
