# SPDX-License-Identifier: Apache-2.0
"""Whoever has the passphrase has every key: data keys unwrapped without asking the ledger, to look into a space from a test.

The product has no such act: no grant reads all of a project.
"""

from collections.abc import Sequence
from pathlib import Path

from rempart.adapters.key_file import KeyFile
from rempart.adapters.surroundings import SystemRandomness
from rempart.adapters.table_key_file import open_table_keys
from rempart.keys.envelope import unwrap
from rempart.records.sealed import KeyContext
from rempart.wiring.key_store import keys_folder


class Opener:
    """Stands where a broker stands when a space is only read."""

    def __init__(self, warehouse: Path, passphrase: str, *, quick_allowed: bool = False) -> None:
        folder, randomness = keys_folder(warehouse), SystemRandomness()
        store = KeyFile.open(folder / "root.key", passphrase, randomness=randomness, quick_allowed=quick_allowed)
        self._keys = open_table_keys(folder / "table-keys.json", store=store, randomness=randomness)

    def unwrap(self, reference: str, items: Sequence[tuple[KeyContext, bytes]]) -> list[bytes]:
        """The data keys; no reference is asked for."""
        assert reference == ""
        return [unwrap(self._keys.need("table", c.kek), blob, context=c.associated_data()) for c, blob in items]
