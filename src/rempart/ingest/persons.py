# SPDX-License-Identifier: Apache-2.0
"""What person resolution found, step by step: cards, persons, shared and uncertified pseudonyms, deaths by source.

The resolution itself is ``sql/persons.sql``; the cards it drops are counted by rule in the balance of their table.
"""

from collections.abc import Mapping

from rempart.ingest.definitions import Definitions
from rempart.ingest.report import Step
from rempart.ports.query import Query

# One SELECT each, over the tables that sql/persons.sql and sql/registers.sql leave.
_FINDINGS = {
    "cards-kept": "SELECT count(*) AS n FROM snds_cards",
    "persons": "SELECT count(*) AS n FROM snds_persons",
    "persons-with-several-cards": (
        "SELECT count(*) AS n FROM (SELECT person_no FROM snds_cards GROUP BY person_no HAVING count(*) > 1)"
    ),
    "persons-from-archive-only": (
        "SELECT count(*) AS n FROM (SELECT person_no FROM snds_cards GROUP BY person_no HAVING bool_and(archived))"
    ),
    # A person without certified number is as many persons as cards: nothing in the delivery joins them.
    "persons-never-certified": (
        "SELECT count(*) AS n FROM (SELECT person_no FROM snds_cards GROUP BY person_no HAVING NOT bool_or(certified))"
    ),
    "pseudonyms-shared-by-several-persons": "SELECT count(*) AS n FROM snds_pseudonyms WHERE persons > 1",
    "persons-sharing-a-pseudonym": (
        "SELECT count(DISTINCT person_no) AS n FROM snds_cards "
        "WHERE psa IN (SELECT psa FROM snds_pseudonyms WHERE persons > 1)"
    ),
    "deaths": "SELECT count(*) AS n FROM snds_deaths",
    "deaths-known-from-the-register": "SELECT count(*) AS n FROM snds_deaths WHERE registered IS NOT NULL",
    "deaths-known-only-from-a-certificate": (
        "SELECT count(*) AS n FROM snds_deaths WHERE registered IS NULL AND certified IS NOT NULL"
    ),
    "deaths-known-only-from-a-stay": (
        "SELECT count(*) AS n FROM snds_deaths WHERE registered IS NULL AND certified IS NULL"
    ),
    "deaths-dated-differently-by-two-sources": (
        "SELECT count(*) AS n FROM snds_deaths WHERE registered <> certified OR registered <> left_dead OR certified <> left_dead"
    ),
}


def persons_report(query: Query) -> tuple[Step, ...]:
    """The findings in order."""
    return tuple(Step(what=what, count=int(query.table(sql).column("n")[0].as_py())) for what, sql in _FINDINGS.items())


def resolve_persons(query: Query, definitions: Definitions, words: Mapping[str, str]) -> None:
    """Over the cards of every delivery: ``person`` (person_no, person, pseudonym, shard), ``card_person`` (card, person_no, shard,
    person_keys: how many keys the card was delivered with), ``psa_person`` (psa, person_no, shard, sharing: how many persons hold it,
    persons: as the rule on shared ones judges), ``key_person`` (person, person_no, shard).

    Reads ``gross_card`` (psa, card, person, archived, certified, updated, seen, hits) and ``person_name`` (number, pseudonym, shard).
    ``words``: ``shard.rule_words``. Person numbers are dense from 1 and follow shard and pseudonym.
    """
    for statement in definitions.statements("resolve_persons", words):
        query.execute(statement)
