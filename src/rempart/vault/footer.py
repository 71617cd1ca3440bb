# SPDX-License-Identifier: Apache-2.0
"""What a query needs of a Parquet file, from its footer alone: row groups by their statistics, then column chunks. Opens nothing.

Offsets are those of the file. Everything behind the last column chunk is always needed: page index, bloom filters, footer.
"""

from collections.abc import Collection, Iterable

import pyarrow as pa
from pyarrow import parquet

from rempart.errors import NotTrusted
from rempart.ports.query import Bound, Part, Within

Range = tuple[int, int]
_END = 8  # length of the footer, then the magic
_GUESS = 32 * 1024  # most footers are shorter: one read
_MAGIC = b"PAR1"


def read_footer(part: Part) -> parquet.FileMetaData:
    """The file's metadata; reads its last bytes only. Raises NotTrusted ``sealed-bytes`` for what is no Parquet file."""
    end = part.read(max(part.length - _GUESS, 0), part.length)
    size = int.from_bytes(end[-_END : -len(_MAGIC)], "little") + _END
    if not _END < size <= part.length - len(_MAGIC):
        raise NotTrusted("sealed-bytes")
    footer = end[-size:] if size <= len(end) else part.read(part.length - size, part.length)
    try:
        return parquet.read_metadata(pa.BufferReader(_MAGIC + footer))
    except (pa.ArrowInvalid, OSError) as error:
        raise NotTrusted("sealed-bytes") from error


def needed_ranges(
    footer: parquet.FileMetaData, *, length: int, columns: Collection[str] | None, within: Within
) -> list[Range] | None:
    """Byte ranges of the chunks of ``columns`` (all when None) in the row groups that may hold rows ``within``, and of the end.

    None when the statistics say that no row group does. Raises ValueError for a column that the file does not have.
    """
    names = footer.schema.names
    wanted = range(len(names)) if columns is None else [names.index(column) for column in columns]
    bounds = {names.index(column): bound for column, bound in within.items()}
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    kept = [group for group in groups if all(_overlaps(group.column(c), bound) for c, bound in bounds.items())]
    if groups and not kept:
        return None
    last = max((_chunk(group.column(c))[1] for group in groups for c in range(len(names))), default=0)
    return merged([*(_chunk(group.column(c)) for group in kept for c in wanted), (last, length)])


def merged(ranges: Iterable[Range]) -> list[Range]:
    """The same bytes as few ranges in order, none touching another."""
    out: list[Range] = []
    for start, end in sorted(r for r in ranges if r[0] < r[1]):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """The bytes of ``ranges`` that are not in ``taken``."""
    left = merged(ranges)
    for start, end in taken:
        left = [piece for a, b in left for piece in ((a, min(b, start)), (max(a, end), b)) if piece[0] < piece[1]]
    return left


def _chunk(column: parquet.ColumnChunkMetaData) -> Range:
    first = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        first = min(first, column.dictionary_page_offset)
    return first, first + column.total_compressed_size


def _overlaps(column: parquet.ColumnChunkMetaData, bound: tuple[Bound | None, Bound | None]) -> bool:
    """False only where statistics of the bound's own type prove that no value lies in it."""
    told = column.statistics
    if told is None or not told.has_min_max:
        return True
    low, high = bound
    if any(type(value) is not type(told.min) for value in (low, high) if value is not None):
        return True
    return not ((low is not None and told.max < low) or (high is not None and told.min > high))
