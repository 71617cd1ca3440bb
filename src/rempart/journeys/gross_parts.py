# SPDX-License-Identifier: Apache-2.0
"""The gross rows of a snapshot as compaction reads them: shard by shard, live units only, each row at its name's present shard.

A row lies where its name was placed when it was written. A name that moved since stands in ``remap``: its rows are left out where
they lie and come to their shard through an exchange. Decides neither who is one person nor which unit is live.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import pyarrow as pa

from rempart.journeys.exchange import Exchange
from rempart.journeys.gross_shape import GrossShape, no_rows, placing, sealed_columns
from rempart.journeys.parts import FreshParts, one_ahead, sealed_parts
from rempart.journeys.space import OpenSpace, Vault
from rempart.ports.query import Query
from rempart.ports.surroundings import Progress
from rempart.records.omop import MAIN
from rempart.records.sealed import PartEntry

NAME, REMAP, CORRESPONDENCE = "name", "remap", "correspondence"
CARDS = "gross_card"
"""The table whose rows say which card and pseudonym are whose: they are placed by its person."""
_NAME_COLUMNS = (("number", pa.int32()), ("kind", pa.string()), ("pseudonym", pa.string()))
Dead = Mapping[int, frozenset[int]]
"""Unit number → flows of it that another unit superseded; none named: all of it."""
Shards = Sequence[int]
"""Shards that one session takes together, following one another."""


class GrossParts:
    """Gross parts, register of names and remaps of one open snapshot; their keys are asked for once, at birth."""

    def __init__(
        self, vault: Vault, opened: OpenSpace, *, reference: str, shapes: Mapping[str, GrossShape], dead: Dead
    ) -> None:
        self._opened, self._shapes, self._dead = opened, shapes, dead
        # A reference gives each data key once: the correspondence is another's to read, but where there is no register yet.
        known = any(part.table == NAME for part in opened.body.parts)
        wanted = {*shapes, NAME, REMAP, *(() if known else (CORRESPONDENCE,))}
        parts = [part for part in opened.body.parts if part.table in wanted and part.sibling == MAIN]
        readers = sealed_parts(vault, opened, parts, reference=reference)
        self._readers = FreshParts({part.part: reader for part, reader in zip(parts, readers, strict=True)})
        self._moved = pa.table({"number": pa.array([], pa.int32()), "place": pa.array([], pa.int32())})
        self._exchange: Exchange | None = None

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return self._opened.body.shards

    def rows(self) -> list[int]:
        """Gross rows of each shard as its parts have them, dead and departed ones too: what to size a pass by. Not of parts that hold
        nothing live: they wait until the unit that took their place has gone."""
        found = [0] * self.shards
        for part in self._opened.body.parts:
            if part.table in self._shapes and part.sibling == MAIN and not self._asleep(part):
                found[part.shard] += part.rows
        return found

    def together(self, bound: int) -> list[tuple[int, ...]]:
        """All shards in order, following ones taken together while their gross rows stay within ``bound``: planning its statements is
        most of what a small shard costs."""
        groups, held = list[list[int]](), bound
        for shard, rows in enumerate(self.rows()):
            held += rows
            if held > bound or not groups:
                groups.append([])
                held = rows
            groups[-1].append(shard)
        return [tuple(group) for group in groups]

    def register_names(self, query: Query, *, shown: Sequence[str] = ()) -> None:
        """Make the table ``name`` (number, kind, pseudonym: of the kinds ``shown`` alone, else NULL; home: the shard that it was first
        placed in, a person's own for ever; place: its present shard), its view
        ``person_name`` (number, pseudonym, shard: home) and ``remapped`` (number, place) of every name that ever moved."""
        self.register_moved(query)
        query.execute(
            f"CREATE OR REPLACE TABLE {NAME} "
            "(number INTEGER, kind VARCHAR, pseudonym VARCHAR, home INTEGER, place INTEGER)"
        )
        kinds = ", ".join(f"'{kind}'" for kind in shown) or "''"
        for shard in range(self.shards):
            if self._attached(query, "name_part", NAME, shard):
                query.execute(
                    f"INSERT INTO {NAME} SELECT p.number, p.kind, CASE WHEN p.kind IN ({kinds}) THEN p.pseudonym END, "
                    f"{shard}, coalesce(m.place, {shard}) FROM name_part p LEFT JOIN remapped m USING (number)"
                )
                query.unregister("name_part")
        query.execute(
            "CREATE OR REPLACE VIEW person_name AS "
            f"SELECT number, pseudonym, home AS shard FROM {NAME} WHERE kind = 'person' AND pseudonym IS NOT NULL"
        )

    def find_names(self, query: Query, wanted: str) -> pa.Table:
        """(number, kind, pseudonym) of the names of which ``wanted``, SQL over these columns, is true."""
        found = [pa.table({name: pa.array([], kind) for name, kind in _NAME_COLUMNS})]
        for shard in range(self.shards):
            if self._attached(query, "name_part", NAME, shard):
                columns = ", ".join(name for name, _ in _NAME_COLUMNS)
                found.append(query.table(f"SELECT {columns} FROM name_part WHERE {wanted}"))
                query.unregister("name_part")
        return pa.concat_tables(found, promote_options="permissive")

    def register_moved(self, query: Query) -> None:
        """Make the table ``remapped``: the last place of every name that ever moved."""
        query.execute("CREATE OR REPLACE TABLE remapped (number INTEGER, place INTEGER)")
        moves: list[pa.Table] = []
        for order, part in enumerate(self._opened.parts(REMAP, MAIN, 0)):
            query.attach("remap_part", [self._readers[part.part]])
            moves.append(query.table(f"SELECT number, to_shard, {order} AS n FROM remap_part"))
            query.unregister("remap_part")
        if moves:
            query.register("remap_moves", pa.concat_tables(moves))
            query.execute("INSERT INTO remapped SELECT number, arg_max(to_shard, n) FROM remap_moves GROUP BY number")
            query.unregister("remap_moves")

    def correspondence(self, query: Query) -> pa.Table:
        """(pseudonym, place) of every person that the snapshot knows, in the order of shard and pseudonym."""
        found = [pa.table({"pseudonym": pa.array([], pa.string()), "place": pa.array([], pa.int32())})]
        for shard in range(self.shards):
            if self._attached(query, "known_part", CORRESPONDENCE, shard):
                found.append(
                    query.table(f"SELECT pseudonym, {shard}::INTEGER AS place FROM known_part ORDER BY pseudonym")
                )
                query.unregister("known_part")
        return pa.concat_tables(found)

    def gather(self, query: Query, table: str, *, columns: Sequence[str] = (), ever: str = "") -> None:
        """Make the table ``table`` of the live rows of every shard: for narrow tables alone. ``columns``: names or SQL of some; all
        unless told. ``ever``: the name of a table of all rows instead, superseded ones too."""
        picked = ", ".join(columns) or _listed(sealed_columns(self._shapes[table]))
        query.execute(
            f"CREATE OR REPLACE TABLE {ever or table} AS SELECT {picked} FROM ({no_rows(self._shapes[table])})"
        )
        for shard in range(self.shards):
            if self._attached(query, "gathered", table, shard):
                live = "true" if ever else self._live(table, (shard,))
                query.execute(f"INSERT INTO {ever or table} SELECT {picked} FROM gathered WHERE {live}")
                query.unregister("gathered")

    def move(
        self,
        moves: Sequence[pa.Table],
        *,
        exchange: Exchange,
        new_query: Callable[[], Query],
        progress: Progress,
    ) -> None:
        """Bring the rows of every name that moved to ``exchange``. ``moves``: ``remap`` tables in order, those of the snapshot and
        then what compaction adds; each (number, from_shard, to_shard)."""
        if not sum(table.num_rows for table in moves):
            return
        last: dict[int, int] = {}
        left: dict[int, set[int]] = {}
        for table in moves:
            for number, before, after in zip(*(column.to_pylist() for column in table.columns), strict=True):
                last[number] = after
                left.setdefault(before, set()).add(number)
        self._moved = pa.table(
            {"number": pa.array(list(last), pa.int32()), "place": pa.array(list(last.values()), pa.int32())}
        )
        self._exchange = exchange
        with closing(one_ahead([(shard,) for shard in sorted(left)], new_query=new_query, attach=self.attach)) as found:
            for done, ((shard,), query) in enumerate(found):
                progress.step("move-names", done, len(left))
                query.register("moved_name", self._moved)
                for table in self._shapes:
                    self._send(query, table, shard, exchange)
        progress.step("move-names", len(left), len(left))

    def moves(self, query: Query) -> list[pa.Table]:
        """The ``remap`` tables of the snapshot in order."""
        found = []
        for part in self._opened.parts(REMAP, MAIN, 0):
            query.attach("remap_part", [self._readers[part.part]])
            found.append(query.table("SELECT number, from_shard, to_shard FROM remap_part"))
            query.unregister("remap_part")
        return found

    def attach(self, query: Query, shards: Shards) -> None:
        """Begin to open the parts of shards in ``query`` (as ``one_ahead`` asks for it); ``show`` then makes the views."""
        for table in self._shapes:
            for some in self._apart(shards):
                if parts := self._parts(table, some):
                    query.attach(_view(table, some), [self._readers[part.part] for part in parts])

    def show(self, query: Query, shards: Shards) -> None:
        """Make the views ``gross_<table>`` of what was attached: live rows of names that are there now, names as numbers."""
        query.register("moved_name", self._moved)
        for table, shape in self._shapes.items():
            found = [source for some in self._apart(shards) for source in self._sources(query, table, shape, some)]
            query.execute(f"CREATE OR REPLACE VIEW {table} AS {' UNION ALL '.join(found or [no_rows(shape)])}")

    def delivered(self, table: str, shards: Shards) -> str:
        """SQL of every row of a table that was attached, dead and departed ones too; '' where there is none."""
        views = [_view(table, some) for some in self._apart(shards) if self._parts(table, some)]
        return " UNION ALL ".join(f"FROM {view}" for view in views)

    def _apart(self, shards: Shards) -> list[Shards]:
        """One view for all of them, but one for each where names moved: whether a row left is asked of the shard that it lies in."""
        return [(shard,) for shard in shards] if self._moved.num_rows else [shards]

    def _parts(self, table: str, shards: Shards) -> list[PartEntry]:
        parts = (part for shard in shards for part in self._opened.parts(table, MAIN, shard))
        return [part for part in parts if not self._asleep(part)]

    def _asleep(self, part: PartEntry) -> bool:
        units = units_of(part)
        return bool(units) and all(self._dead.get(unit) == frozenset() for unit in units)

    def _sources(self, query: Query, table: str, shape: GrossShape, shards: Shards) -> list[str]:
        picked, found = _listed(sealed_columns(shape)), []
        if self._parts(table, shards):
            here = f"SELECT {picked} FROM {_view(table, shards)} r WHERE {self._live(table, shards)}"
            if self._moved.num_rows and shape.place:
                number = placing(shape, lambda name: f'r."{name}"')
                gone = f"SELECT 1 FROM moved_name m WHERE m.number = {number} AND m.place <> {shards[0]}"
                here += f" AND NOT EXISTS ({gone})"
            found.append(here)
        for shard in shards:
            if self._exchange is not None and self._exchange.has(table, shard):
                query.register(f"{table}__arrived_{shard}", self._exchange.get(table, shard))
                found.append(f"SELECT {picked} FROM {table}__arrived_{shard}")
        return found

    def _send(self, query: Query, table: str, shard: int, exchange: Exchange) -> None:
        shape = self._shapes[table]
        if not shape.place or not self._parts(table, (shard,)):
            return
        number = placing(shape, lambda name: f'r."{name}"')
        picked = ", ".join(f'r."{name}"' for name in sealed_columns(shape))
        rows = query.table(
            f"SELECT {picked}, m.place AS target FROM {_view(table, (shard,))} r JOIN moved_name m ON m.number = {number} "
            f"WHERE m.place <> {shard} AND {self._live(table, (shard,))}"
        )
        if rows.num_rows:
            exchange.put(table, shard, rows)

    def _attached(self, query: Query, view: str, table: str, shard: int) -> bool:
        parts = self._opened.parts(table, MAIN, shard)
        if parts:
            query.attach(view, [self._readers[part.part] for part in parts])
        return bool(parts)

    def _live(self, table: str, shards: Shards) -> str:
        """SQL: the row is of no superseded flow; asked only where a part may hold one."""
        units = {unit for shard in shards for part in self._opened.parts(table, MAIN, shard) for unit in units_of(part)}
        dead = [(unit, sorted(flows)) for unit, flows in sorted(self._dead.items()) if unit in units]
        return " AND ".join(_alive(unit, flows) for unit, flows in dead) or "true"


def _alive(unit: int, dead: Sequence[int]) -> str:
    flows = f" AND flow IN ({', '.join(map(str, dead))})" if dead else ""
    return f"NOT (unit = {unit}{flows})"


def units_of(part: PartEntry) -> frozenset[int]:
    """Numbers of the units whose rows a part holds, from its lineage (``unit:<number>``)."""
    return frozenset(int(item.removeprefix("unit:")) for item in part.lineage if item.startswith("unit:"))


def _view(table: str, shards: Shards) -> str:
    return f"{table}__parts_{shards[0]}"


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
