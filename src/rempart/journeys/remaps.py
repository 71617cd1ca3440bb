# SPDX-License-Identifier: Apache-2.0
"""Which names lie elsewhere than their person does, once persons are resolved. Moves no row: that is ``gross_parts``'s."""

import pyarrow as pa

from rempart.ports.query import Query


def settle(query: Query) -> pa.Table:
    """The names whose rows lie elsewhere than their person: (number, from_shard, to_shard), by number, as ``remap`` keeps them.

    Reads ``name`` (``GrossParts.register_names``) and what person resolution leaves: ``card_person``, ``psa_person`` and ``key_person``,
    each with the ``shard`` of the person.
    """
    return query.table(
        """
        WITH found AS (
            SELECT card AS number, shard FROM card_person
            UNION SELECT psa, shard FROM psa_person
            UNION SELECT person, shard FROM key_person
        )
        SELECT n.number, n.place AS from_shard, CAST(min(f.shard) AS INTEGER) AS to_shard
        FROM found f JOIN name n USING (number)
        GROUP BY n.number, n.place HAVING n.place <> min(f.shard) ORDER BY n.number
        """
    )
