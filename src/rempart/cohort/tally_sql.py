# SPDX-License-Identifier: Apache-2.0
"""Tallies as SQL: rows of persons become counts, sums and what the disclosure rules need of each cell. Runs nothing.

A tally's key is the canonical JSON text of its columns; a person set is told by the sum mod 2^64 of each half of its persons' MD5.
"""

from collections.abc import Sequence

COLUMNS = ("key", "n", "total", "squares", "persons", "print_a", "print_b", "top1", "top2")
_WRAP, _HALF = 2**64, 2**63


def tally(person_rows: str, *, keys: Sequence[str] = (), value: str = "") -> str:
    """SELECT of ``COLUMNS`` from ``person_rows``: a SELECT of person_id, the columns ``keys`` and maybe ``value``, one row for each person
    and key.

    persons: rows; n: rows whose ``value`` is known (all without ``value``); total, squares: sums of ``value``, a whole number;
    top1, top2: the two largest amounts of it. A key that is NULL is 'unknown'; without keys there is one cell, also of nobody.
    """
    groups = [f"coalesce(CAST({name} AS VARCHAR), 'unknown')" for name in keys]
    grouped = "".join(f"{sql} AS k{number}, " for number, sql in enumerate(groups))
    amount = f"CAST({value} AS HUGEINT)" if value else "CAST(NULL AS HUGEINT)"
    counted = f"count({value})" if value else "count(*)"
    # One number of 128 bits, halved here: a function for each half takes six times as long.
    printed = f"SELECT *, md5_number(CAST(person_id AS VARCHAR)) AS print FROM ({person_rows})"
    inner = (
        f"SELECT {grouped}{counted} AS n, coalesce(sum({amount}), 0) AS total, coalesce(sum({amount} * {amount}), 0) AS squares, "
        f"count(*) AS persons, sum(CAST(print >> 64 AS HUGEINT)) AS a, sum(CAST(print & {_WRAP - 1}::UHUGEINT AS HUGEINT)) AS b, "
        f"coalesce(max(abs({amount}), 2), []) AS tops\n"
        f"FROM ({printed}) AS r" + (f" GROUP BY {', '.join(groups)}" if groups else "")
    )
    tops = ", ".join(f"CAST(coalesce(tops[{at}], 0) AS BIGINT) AS top{at}" for at in (1, 2))
    return (
        f"SELECT {_key(keys)} AS key, n, CAST(total AS BIGINT) AS total, CAST(squares AS BIGINT) AS squares, persons, "
        f"{_wrapped('a')} AS print_a, {_wrapped('b')} AS print_b, {tops}\nFROM ({inner})"
    )


def _key(keys: Sequence[str]) -> str:
    """Names in order of their text, as canonical JSON has them."""
    parts = [f"'\"{name}\":\"' || {_escaped(f'k{keys.index(name)}')} || '\"'" for name in sorted(keys)]
    return "'{' || " + " || ',' || ".join(parts) + " || '}'" if parts else "'{}'"


def _escaped(column: str) -> str:
    """Levels are words of the study and codes: no control characters."""
    return f"replace(replace({column}, '\\', '\\\\'), '\"', '\\\"')"


def _wrapped(column: str) -> str:
    """The sum as a signed number of 64 bits."""
    rest = f"(coalesce({column}, 0) % {_WRAP})"
    return f"CAST(CASE WHEN {rest} >= {_HALF} THEN {rest} - {_WRAP} ELSE {rest} END AS BIGINT)"
