# SPDX-License-Identifier: Apache-2.0
"""The register of names: what a delivery calls a person, a card, a professional becomes a small number, and a shard to lie in.

The number stands in the sealed gross rows; the register holds its keyed pseudonym. Texts live in the engine's memory until their
rows are numbered, and are written nowhere but a person's in ``correspondence``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rempart.identity.names import PERSON, name_digests
from rempart.identity.shards import shard_of
from rempart.journeys.gross_parts import CARDS, GrossParts
from rempart.journeys.gross_shape import GrossShape
from rempart.ports.query import Query

_BATCH = 50_000
_REMEMBERED = 1_000_000
_NEW = "flush_new"


@dataclass(slots=True)
class Names:
    """The register in a run's session: table ``name_known`` (kind, high, low: the pseudonym's 128 bits; number; place), and of the
    names met lately ``name_seen`` (kind, text, number, place).

    ``kinds``: every kind of name, in an order that holds for the session.
    """

    query: Query
    kinds: Sequence[str]
    identity_key: bytes
    shard_key: bytes
    shards: int
    last: int = 0
    fresh: list[pa.Table] = field(default_factory=list)

    def begin(self) -> None:
        """An empty register."""
        self.query.execute(
            "CREATE OR REPLACE TABLE name_known (kind UTINYINT, high UBIGINT, low UBIGINT, number INTEGER, place INTEGER); "
            "CREATE OR REPLACE TABLE name_seen (kind UTINYINT, text VARCHAR, number INTEGER, place INTEGER)"
        )

    def load(self, gross: GrossParts) -> None:
        """What the snapshot before knows, in place of an empty register."""
        gross.register_names(self.query, shown=self.kinds)
        cases = " ".join(f"WHEN '{kind}' THEN {code}" for code, kind in enumerate(self.kinds))
        self.query.execute(
            f"INSERT INTO name_known SELECT CASE kind {cases} END, ('0x' || pseudonym[1:16])::UBIGINT, "
            "('0x' || pseudonym[17:32])::UBIGINT, number, place FROM name WHERE pseudonym IS NOT NULL"
        )
        self.last = int(self.query.table("SELECT coalesce(max(number), 0) AS n FROM name").column("n")[0].as_py())
        self.query.execute("DROP TABLE name")
        if not self.last:
            self._adopt(gross)

    def _adopt(self, gross: GrossParts) -> None:
        """Number the persons of a snapshot from before there was a register; their pairs stand in ``correspondence`` already."""
        known = gross.correspondence(self.query)
        count, code = known.num_rows, self.kinds.index(PERSON)
        if not count:
            return
        numbers = pa.array(np.arange(1, count + 1, dtype=np.int32))
        kinds, texts = pa.array([PERSON] * count), pa.nulls(count, pa.string())
        pseudonyms, places = known.column("pseudonym"), known.column("place")
        new = pa.table([texts, numbers, places, kinds, pseudonyms], ["text", "number", "place", "kind", "pseudonym"])
        self.query.register(_NEW, new)
        self.query.execute(
            f"INSERT INTO name_known SELECT {code}, ('0x' || pseudonym[1:16])::UBIGINT, "
            f"('0x' || pseudonym[17:32])::UBIGINT, number, place FROM {_NEW}"
        )
        self.query.unregister(_NEW)
        self.fresh.append(new)
        self.last = count

    def number(self, shapes: Mapping[str, GrossShape]) -> None:
        """Give every text in the tables ``new_*`` its number and place: the table ``flush_name`` (kind, text, number, place)."""
        self._gather_texts(shapes)
        self.query.execute(
            "CREATE OR REPLACE TABLE flush_name AS SELECT kind, text, number, place FROM flush_text JOIN name_seen USING (kind, text)"
        )
        self._hash()
        self.query.execute(
            "INSERT INTO flush_name SELECT d.kind, d.text, k.number, k.place "
            "FROM flush_digest d JOIN name_known k USING (kind, high, low)"
        )
        unknown = self.query.table(
            "SELECT kind, text, high, low FROM flush_digest d ANTI JOIN name_known k USING (kind, high, low) "
            "ORDER BY kind, high, low"
        )
        if unknown.num_rows:
            self._add(unknown, shapes)
        self._remember()

    def taken(self) -> Iterator[tuple[str, int, pa.Table]]:
        """(table, shard, rows) of the register and the correspondence since this was asked last."""
        if not self.fresh:
            return
        new = pa.concat_tables(self.fresh)
        self.fresh.clear()
        self.query.register("new_name", new)
        for shard in sorted(set(new.column("place").to_pylist())):
            of = f"FROM new_name WHERE place = {shard}"
            yield "name", shard, self.query.table(f"SELECT number, kind, pseudonym {of} ORDER BY number")
            pairs = f"SELECT text AS source_pseudonym, pseudonym {of} AND kind = '{PERSON}' AND text IS NOT NULL ORDER BY pseudonym"
            yield "correspondence", shard, self.query.table(pairs)
        self.query.unregister("new_name")

    def _gather_texts(self, shapes: Mapping[str, GrossShape]) -> None:
        """``flush_text`` (kind, text): the distinct texts of every name column."""
        self.query.execute("CREATE OR REPLACE TABLE flush_text (kind UTINYINT, text VARCHAR)")
        for code, kind in enumerate(self.kinds):
            columns = [(t, c) for t, shape in shapes.items() for c, named in shape.names.items() if named == kind]
            given = [
                f'SELECT "{column}" AS text FROM new_{table} WHERE "{column}" <> \'\'' for table, column in columns
            ]
            if given:
                self.query.execute(
                    f"INSERT INTO flush_text SELECT DISTINCT {code}, text FROM ({' UNION ALL '.join(given)})"
                )

    def _hash(self) -> None:
        """``flush_digest`` (kind, text, high, low): the texts that are not remembered, hashed by thousands."""
        self.query.execute(
            "CREATE OR REPLACE TABLE flush_digest (kind UTINYINT, text VARCHAR, high UBIGINT, low UBIGINT)"
        )
        for code, kind in enumerate(self.kinds):
            texts = self.query.table(
                f"SELECT text FROM flush_text ANTI JOIN name_seen USING (kind, text) WHERE kind = {code}"
            ).column("text")
            for start in range(0, len(texts), _BATCH):
                self._hash_some(texts.slice(start, _BATCH).combine_chunks(), code, kind)

    def _remember(self) -> None:
        """Names that come again in a later flush are not hashed again, as many as there is place for."""
        place = _REMEMBERED - int(self.query.table("SELECT count(*) AS n FROM name_seen").column("n")[0].as_py())
        self.query.execute(
            f"INSERT INTO name_seen FROM flush_name SEMI JOIN flush_digest USING (kind, text) LIMIT {place}; "
            "DROP TABLE flush_digest; DROP TABLE flush_text"
        )

    def _hash_some(self, texts: pa.Array, code: int, kind: str) -> None:
        halves = np.frombuffer(name_digests(texts.to_pylist(), kind, self.identity_key), ">u8").reshape(-1, 2)
        high, low = (pa.array(halves[:, place].astype(np.uint64)) for place in (0, 1))
        self.query.register("hashed", pa.table({"text": texts, "high": high, "low": low}))
        self.query.execute(f"INSERT INTO flush_digest SELECT {code}, text, high, low FROM hashed")
        self.query.unregister("hashed")

    def _add(self, unknown: pa.Table, shapes: Mapping[str, GrossShape]) -> None:
        """Number the names that nobody had seen; persons lie in their own shard, cards and pseudonyms in their person's if it is told."""
        halves = np.column_stack([unknown.column(half).to_numpy() for half in ("high", "low")])
        digits = halves.astype(">u8").tobytes().hex()
        pseudonyms = [digits[at : at + 32] for at in range(0, len(digits), 32)]
        own = shard_of(pseudonyms, self.shard_key, self.shards).astype(np.int32)
        numbers = np.arange(self.last + 1, self.last + 1 + unknown.num_rows, dtype=np.int32)
        self.last += unknown.num_rows
        new = unknown.append_column("number", pa.array(numbers)).append_column("place", pa.array(own))
        self.query.register(_NEW, new)
        placed = self._placed(new, self._told(shapes))
        self.query.unregister(_NEW)
        kinds = pa.array(list(self.kinds)).take(new.column("kind").combine_chunks())
        new = new.set_column(new.column_names.index("place"), "place", pa.array(placed))
        self.query.register(_NEW, new)
        self.query.execute(f"INSERT INTO name_known SELECT kind, high, low, number, place FROM {_NEW}")
        self.query.execute(f"INSERT INTO flush_name SELECT kind, text, number, place FROM {_NEW}")
        self.query.unregister(_NEW)
        kept = new.select(["text", "number", "place"]).append_column("kind", kinds)
        self.fresh.append(kept.append_column("pseudonym", pa.array(pseudonyms)))

    def _told(self, shapes: Mapping[str, GrossShape]) -> str:
        """SQL of (kind, text, place) for every name that a card in this flush says whose it is; '' where no card came."""
        if CARDS not in shapes:
            return ""
        names, person = shapes[CARDS].names, self.kinds.index(PERSON)
        keys = ", ".join(f"nullif(c.\"{column}\", '')" for column, kind in names.items() if kind == PERSON)
        both = f"SELECT kind, text, place FROM flush_name UNION ALL SELECT kind, text, place FROM {_NEW}"
        return " UNION ALL ".join(
            f'SELECT {self.kinds.index(kind)} AS kind, c."{column}" AS text, p.place FROM new_{CARDS} c '
            f"JOIN ({both}) p ON p.kind = {person} AND p.text = coalesce({keys})"
            for column, kind in names.items()
            if kind != PERSON
        )

    def _placed(self, new: pa.Table, told: str) -> NDArray[np.int32]:
        """The place of each new name, in the order of its number."""
        if not told:
            return np.asarray(new.column("place").to_numpy(), dtype=np.int32)
        found = self.query.table(
            f"SELECT coalesce(any_value(t.place), any_value(n.place)) AS place FROM {_NEW} n "
            f"LEFT JOIN (SELECT kind, text, min(place) AS place FROM ({told}) GROUP BY ALL) t USING (kind, text) "
            "GROUP BY n.number ORDER BY n.number"
        )
        return np.asarray(found.column("place").to_numpy(), dtype=np.int32)
