# SPDX-License-Identifier: Apache-2.0
"""Who is one person: over the cards of every delivery at once, so that no order of deliveries shows. The SQL is resolve_persons.sql.

What each person is like, and what was decided of it, is made shard by shard (net_person.sql).
"""

from collections.abc import Mapping

from rempart.ingest.definitions import Definitions
from rempart.ports.query import Query

CARD_DIGEST = "md5_number_lower(CAST((inserted, died, sex, born, birth_month, commune, scheme) AS VARCHAR)) AS digest"
"""SQL of ``gross_card.digest``: what tells two rows of a card apart whose dates are alike, of the delivery's facts and no key of ours."""


def resolve_persons(query: Query, definitions: Definitions, words: Mapping[str, str]) -> None:
    """Over the cards of every delivery: ``person`` (person_no, person, pseudonym, shard), ``card_person`` (card, person_no, shard,
    person_keys: how many keys the card was delivered with, holders: how many persons its key leads to), ``psa_person`` (psa,
    person_no, shard, sharing: how many persons hold it, persons: as the rule on shared ones judges).

    Reads ``gross_card`` (psa, card, person, archived, certified, updated, seen, hits, digest) and ``person_name`` (number,
    pseudonym, shard).
    ``words``: ``shard.rule_words``. Person numbers are dense from 1 and follow shard and pseudonym.
    """
    for statement in definitions.statements("resolve_persons", words):
        query.execute(statement)


def resolve_keys(query: Query, definitions: Definitions, words: Mapping[str, str]) -> None:
    """After ``resolve_persons``, over every card that was ever delivered: ``key_person`` (person, person_no, shard, holders: how many
    persons the key leads to) and ``former_key`` (former, pseudonym: of each person that it leads to today). Simplified claims under such
    a key join ``card_person``, without a person where the key leads to several.

    Reads ``card_ever`` (card, person, unit, hits) and ``unit_turn`` (unit, turn: units in the order of their production).
    """
    for statement in definitions.statements("former_keys", words):
        query.execute(statement)
