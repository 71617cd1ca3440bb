# SPDX-License-Identifier: Apache-2.0
"""Tallies as SQL: rows of persons become counts, sums and what the disclosure rules need of each cell. Runs nothing.

A tally's key is the canonical JSON text of its columns; a person set is told by the sum mod 2^64 of each half of its persons' MD5.
``with_members`` gives the same statements with the persons themselves, for the register of released sets (docs/adr/0044).
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
    rows = f"({_printed(person_rows)}) AS r"
    if not value:
        return _without_amounts(_grouped(keys, _PRINTS, rows), keys)
    amount = f"CAST({value} AS HUGEINT)"
    amounts = (
        f"count({value}) AS n, coalesce(sum({amount}), 0) AS total, coalesce(sum({amount} * {amount}), 0) AS squares, "
        f"coalesce(max(abs({amount}), 2), []) AS tops"
    )
    tops = ", ".join(f"CAST(coalesce(tops[{at}], 0) AS BIGINT) AS top{at}" for at in (1, 2))
    return (
        f"SELECT {_key(keys)} AS key, n, CAST(total AS BIGINT) AS total, CAST(squares AS BIGINT) AS squares, persons, "
        f"{_wrapped('a')} AS print_a, {_wrapped('b')} AS print_b, {tops}\nFROM ({_grouped(keys, f'{amounts}, {_PRINTS}', rows)})"
    )


def set_sums(person_rows: str, *, keys: Sequence[str]) -> str:
    """SELECT of ``keys``, persons, a, b: how many persons have those keys, and the sums of the halves of their prints, as ``tally_of_sums``
    reads them. Several tallies of the same persons then print each of them once."""
    return f"SELECT {', '.join(keys)}, {_PRINTS} FROM ({_printed(person_rows)}) AS r GROUP BY {', '.join(keys)}"


def tally_of_sums(rows: str, *, keys: Sequence[str]) -> str:
    """What ``tally`` gives of persons without a value, from rows of ``set_sums`` that share none."""
    return _without_amounts(_grouped(keys, _ADDED, f"({rows}) AS r"), keys)


def with_members(sql: str) -> str:
    """A statement that one of these functions made, or that is made of them, with a column ``members`` more: the ids of each cell's
    persons. Other statements are returned as they are. The text of a study's parts does not change by it, so kept evidence stays."""
    for told, further in _FURTHER.items():
        sql = sql.replace(told, further)
    return sql


# One number of 128 bits, halved in the sums: a function for each half takes six times as long.
_PRINTS = (
    "count(*) AS persons, sum(CAST(print >> 64 AS HUGEINT)) AS a, "
    f"sum(CAST(print & {_WRAP - 1}::UHUGEINT AS HUGEINT)) AS b"
)
_ADDED = "sum(persons) AS persons, sum(a) AS a, sum(b) AS b"
SUMS = "persons, a, b FROM"
"""What a SELECT carries over from rows of ``set_sums`` that it takes apart."""


def _printed(person_rows: str) -> str:
    return f"SELECT *, md5_number(CAST(person_id AS VARCHAR)) AS print FROM ({person_rows})"


def _grouped(keys: Sequence[str], sums: str, rows: str) -> str:
    groups = [f"coalesce(CAST({name} AS VARCHAR), 'unknown')" for name in keys]
    named = "".join(f"{sql} AS k{number}, " for number, sql in enumerate(groups))
    return f"SELECT {named}{sums}\nFROM {rows}" + (f" GROUP BY {', '.join(groups)}" if groups else "")


def _without_amounts(grouped: str, keys: Sequence[str]) -> str:
    nothing = ", ".join(f"CAST(0 AS BIGINT) AS {name}" for name in ("total", "squares"))
    tops = ", ".join(f"CAST(0 AS BIGINT) AS top{at}" for at in (1, 2))
    return (
        f"SELECT {_key(keys)} AS key, CAST(persons AS BIGINT) AS n, {nothing}, CAST(persons AS BIGINT) AS persons, "
        f"{_wrapped('a')} AS print_a, {_wrapped('b')} AS print_b, {tops}\nFROM ({grouped})"
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


_FURTHER = {
    _PRINTS: f"{_PRINTS}, list(person_id) AS members",
    _ADDED: f"{_ADDED}, flatten(list(members)) AS members",
    SUMS: "persons, a, b, members FROM",
    f"{_wrapped('a')} AS print_a": f"members, {_wrapped('a')} AS print_a",
}
