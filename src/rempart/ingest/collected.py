# SPDX-License-Identifier: Apache-2.0
"""What shards collect for tables without persons, added up on the way: a professional met in every shard is held once, not once a
shard. Makes no table of it: that is ``context.finish_context``'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

_COUNT = "lines"
_LEAST = 100_000


@dataclass(slots=True)
class Collected:
    """``tables``: name → pieces, the first of them summed. Of one name all have the same columns; the count, if any, is ``lines``."""

    tables: dict[str, list[pa.Table]] = field(default_factory=dict)

    def add(self, found: Mapping[str, pa.Table]) -> None:
        """Take what one session collected; summed once the new rows are as many as those held."""
        for name, table in found.items():
            held = self.tables.setdefault(name, [])
            held.append(table)
            if sum(piece.num_rows for piece in held[1:]) > max(_LEAST, held[0].num_rows):
                self.tables[name] = [summed(held)]


def summed(pieces: Sequence[pa.Table]) -> pa.Table:
    """The distinct rows of all pieces without their counts, and with the sum of them; in any order."""
    whole = pa.concat_tables(pieces)
    keys = [name for name in whole.column_names if name != _COUNT]
    counts = [(_COUNT, "sum")] if _COUNT in whole.column_names else []
    found = whole.group_by(keys).aggregate(counts)
    return found.rename_columns([*keys, *[_COUNT for _ in counts]]).cast(whole.schema)
