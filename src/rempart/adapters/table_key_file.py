# SPDX-License-Identifier: Apache-2.0
"""The wrapped table keys on disk: ``DIR/controller/keys/table-keys.json``, 0600, replaced whole. Holds no key in clear."""

from pathlib import Path

from rempart.adapters.private_file import read_private, replace_private
from rempart.adapters.shredded_file import replace_erasing
from rempart.errors import Missing
from rempart.keys.table_keys import TableKeys
from rempart.ports.key_store import KeyStore
from rempart.ports.surroundings import Randomness


def open_table_keys(path: Path, *, store: KeyStore, randomness: Randomness) -> TableKeys:
    """The table keys of a controller; an absent file is an empty set. Raises NotTrusted ``table-keys-form``."""
    try:
        data = read_private(path)
    except Missing:
        data = None
    return TableKeys(
        data,
        store=store,
        randomness=randomness,
        save=lambda new: replace_private(path, new),
        erase=lambda new: replace_erasing(path, new),
    )
