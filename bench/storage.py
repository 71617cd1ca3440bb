# SPDX-License-Identifier: Apache-2.0
"""What sealing costs a reader: DuckDB on sealed parts, opened and decrypted anew for each query, against the same Parquet in clear.

The path is the product's own: vault.part under Query.attach. Footers and opened parts are forgotten between runs.
"""

from collections.abc import Collection

import duckdb

from bench.registry import Work, bench, median_of
from bench.storage_claims import KEY, PARTS, PERSONS, WAREHOUSE, claims
from rempart.adapters.allocator import tune_allocator
from rempart.adapters.duckdb_query import DuckDBQuery
from rempart.adapters.part_files import PartFiles
from rempart.ports.query import Within
from rempart.vault.part import SealedPart

PEER = "DuckDB on plain Parquet files of the same layout"
DATA = (
    "30,000,000 claims × 8 columns in 12 parts of a person shard each; files and objects in the page cache; 2 threads"
)
SOMEONE = PARTS * (PERSONS // 2)
SCAN8 = "SELECT sum(person), max(day), count(code), sum(quantity), max(amount), sum(place), sum(prescriber), sum(event) FROM v"
COHORT = """
WITH uses AS (SELECT person, min(day) AS day FROM v WHERE code >= 'A10' AND code < 'A11' GROUP BY person),
seen AS (SELECT person, min(day) AS first FROM v GROUP BY person),
entering AS (SELECT u.person, u.day FROM uses u JOIN seen s USING (person) WHERE u.day >= s.first + 365),
outcome AS (
    SELECT e.person, min(v.day) AS day FROM entering e JOIN v USING (person)
    WHERE v.day > e.day AND v.day <= e.day + 730 AND v.code IN ('C090041', 'C090042', 'C090050') GROUP BY e.person
)
SELECT count(*), count(o.day), sum(coalesce(o.day, e.day + 730) - e.day) FROM entering e LEFT JOIN outcome o USING (person)
"""


def compared(
    sql: str, *, columns: Collection[str] | None, within: Within | None = None, shards: Collection[int] = range(PARTS)
) -> tuple[Work, Work]:
    """(sealed, plain): the same query on the same shards; both answers must agree once."""
    tune_allocator()  # as every process does that opens the vault
    made, files = claims(), PartFiles(threads=2)
    entries, plain_files = ([known[shard] for shard in shards] for known in (made.entries, made.files))
    session, plain = DuckDBQuery(threads=2, memory_limit="8GB", files=files), duckdb.connect(config={"threads": 2})
    plain.execute(f"CREATE VIEW v AS SELECT * FROM read_parquet({[str(file) for file in plain_files]})")

    def ours() -> object:
        files.forget()
        parts = [SealedPart(made.host, entry, warehouse=WAREHOUSE, key=KEY) for entry in entries]
        session.attach("v", parts, columns=columns, within=within)
        answer = session.table(sql)
        session.unregister("v")
        return answer

    def peer() -> object:
        return plain.sql(sql).to_arrow_table()

    if str(ours()) != str(peer()):
        raise ValueError("sealed and plain parts give different answers")
    return ours, peer


@bench("storage-sealed-scan8", peer=PEER, bound=1.25, note=f"eight-column scan; {DATA}", runs=7)
def scan8() -> tuple[Work, Work]:
    """Every column of every row."""
    return compared(SCAN8, columns=None)


@bench("storage-sealed-scan2", peer=PEER, bound=1.25, note=f"two-column scan; {DATA}")
def scan2() -> tuple[Work, Work]:
    """Two columns of every row."""
    return compared("SELECT sum(person), max(amount) FROM v", columns=["person", "amount"])


@bench("storage-sealed-groupby", peer=PEER, bound=1.25, note=f"rows, persons and codes by place; {DATA}", runs=5)
def groupby() -> tuple[Work, Work]:
    """An aggregation."""
    return compared(
        "SELECT place, count(*), count(DISTINCT code), max(amount) FROM v GROUP BY place ORDER BY place",
        columns=["place", "code", "amount"],
    )


@bench("storage-sealed-filter", peer=PEER, bound=1.25, note=f"1 % of the rows, by code; {DATA}")
def filtered() -> tuple[Work, Work]:
    """A filter that keeps one row of a hundred."""
    return compared(
        "SELECT count(*), max(amount) FROM v WHERE code >= 'A10' AND code < 'A11'", columns=["code", "amount"]
    )


@bench(
    "storage-sealed-cohort",
    peer=PEER,
    bound=1.05,
    note=f"new users with a wash-out of 365 days, outcome within 730; {DATA}",
    runs=7,
)
def cohort() -> tuple[Work, Work]:
    """What a study asks."""
    return compared(COHORT, columns=["person", "day", "code"])


@bench(
    "storage-sealed-lookup",
    peer=PEER,
    bound=3.0,
    note=f"all rows of one person in the person's shard, known to both; row groups chosen by statistics before they are opened; {DATA}",
)
def lookup() -> tuple[Work, Work]:
    """One person's rows."""
    sql = f"SELECT * FROM v WHERE person = {SOMEONE} ORDER BY ALL"
    return compared(sql, columns=None, within={"person": (SOMEONE, SOMEONE)}, shards=[SOMEONE % PARTS])


median_of(
    "storage-sealed-median",
    of=tuple(f"storage-sealed-{slug}" for slug in ("scan8", "scan2", "groupby", "filter", "cohort")),
    bound=1.15,
    note="the middle one of the ratios of scan8, scan2, groupby, filter and cohort",
)
