# SPDX-License-Identifier: Apache-2.0
"""Who is one person: the best that the delivered keys allow, computed by the generator, against the persons that the loader made."""

from collections import Counter

import duckdb

from truth.house import Planted
from truth.scores import Score, told

AREA = "persons"


def resolved_of_key(planted: Planted) -> dict[str, str]:
    """Person key (BEN_IDT_ANO) → the number of the person that the keys allow."""
    found: dict[str, str] = {}
    for row in planted.rows("truth_persons"):
        if row["identities"]:
            for identity, number in zip(row["identities"].split("|"), row["resolved"].split("|"), strict=True):
                found[identity.split(":")[2]] = number
    return found


def people(planted: Planted, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The loader's pseudonym → the generator's number; pseudonyms whose key nobody has are left out."""
    numbers = resolved_of_key(planted)
    pairs = connection.execute(
        "SELECT pseudonym, source_pseudonym FROM correspondence JOIN person USING (pseudonym)"
    ).fetchall()
    return {pseudonym: numbers[key] for pseudonym, key in pairs if key in numbers}


def score_persons(planted: Planted, connection: duckdb.DuckDBPyConnection) -> list[Score]:
    """Counts, then each person against its number."""
    said = planted.truth["identities"]
    best = said["best_resolution"]
    (persons,) = connection.execute("SELECT count(DISTINCT pseudonym) FROM person").fetchone() or (0,)
    (rows,) = connection.execute("SELECT count(*) FROM person").fetchone() or (0,)
    mine = people(planted, connection)
    known = set(resolved_of_key(planted).values())
    held = Counter(mine.values())
    split = sum(count - 1 for count in held.values())
    return [
        Score(area=AREA, name="persons, as the best resolution has them", expected=best["persons"], found=persons),
        Score(area=AREA, name="one row a person", expected=persons, found=rows),
        Score(area=AREA, name="persons whose key was never planted", expected=0, found=persons - len(mine)),
        Score(area=AREA, name="persons split although a key joins them", expected=0, found=split),
        Score(area=AREA, name="persons lost or joined with another", expected=0, found=len(known - set(held))),
        told(AREA, "true persons", said["true_persons"]),
        told(AREA, "irreducibly split: uncertified identifier", best["split_by_uncertified_identifier"]),
        told(AREA, "irreducibly split: changing family rank", best["split_by_changing_rank"]),
        told(AREA, "irreducible share of the true persons", said["irreducible_share"]),
    ]


def score_twins(planted: Planted, connection: duckdb.DuckDBPyConnection) -> list[Score]:
    """Persons who share a pseudonym with another person are flagged, exactly they; nobody is joined with another for it."""
    holders: dict[str, set[str]] = {}
    for row in planted.rows("truth_persons"):
        if row["identities"]:
            for identity, number in zip(row["identities"].split("|"), row["resolved"].split("|"), strict=True):
                holders.setdefault(identity.split(":")[0], set()).add(number)
    twins = {number for numbers in holders.values() if len(numbers) > 1 for number in numbers}
    mine = people(planted, connection)
    told_ = connection.execute("SELECT pseudonym FROM person_decision WHERE shared_pseudonyms > 0").fetchall()
    flagged = {mine.get(pseudonym, pseudonym) for (pseudonym,) in told_}
    return [
        Score(
            area=AREA, name="persons who share a pseudonym, flagged", expected=len(twins), found=len(flagged & twins)
        ),
        Score(area=AREA, name="persons flagged who share none", expected=0, found=len(flagged - twins)),
    ]
