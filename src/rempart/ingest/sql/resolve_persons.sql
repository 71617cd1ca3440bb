-- SPDX-License-Identifier: Apache-2.0
-- A person is a person key, over the cards of every delivery, archive included. One card may come twice: the certified, then the latest, is kept.
-- Rows alike in these go by what else they tell (digest), so that no key of ours decides; rows alike in everything by their pseudonym.
-- Of one session for the whole warehouse, and narrow for that: given gross_card and person_name (number, pseudonym, shard).
-- Person numbers follow shard and pseudonym, so that sorting by number is sorting by pseudonym.
CREATE OR REPLACE TABLE kept_card AS
SELECT card, psa, person, person_keys FROM (
  SELECT line.card, line.psa, line.person, line.hits & ${mask} AS hits, count(DISTINCT line.person) OVER (PARTITION BY line.card) AS person_keys,
    row_number() OVER (PARTITION BY line.card ORDER BY line.hits & ${mask} = 0 DESC, line.certified DESC, line.updated DESC NULLS LAST,
      line.archived, line.seen DESC NULLS LAST, line.digest, known.pseudonym NULLS LAST) AS turn
  FROM gross_card AS line LEFT JOIN person_name AS known ON known.number = line.person
  WHERE line.archived IS NOT NULL
) WHERE turn = 1 AND hits = 0;
CREATE OR REPLACE TABLE person AS
SELECT CAST(row_number() OVER (ORDER BY shard, pseudonym) AS INTEGER) AS person_no, number AS person, pseudonym, CAST(shard AS INTEGER) AS shard
FROM person_name SEMI JOIN kept_card ON kept_card.person = person_name.number;
-- sharing: how many persons hold the card's pseudonym, told to each of them, in whatever shard they lie.
-- A card of simplified claims is no line of a register: it is its person's if the register knows the person (by a former key: former_keys.sql).
-- holders: how many persons its key leads to.
CREATE OR REPLACE TABLE card_person AS
SELECT kept_card.card, person.person_no, person.shard, CAST(kept_card.person_keys AS INTEGER) AS person_keys, coalesce(held.sharing, 1) AS sharing, 1 AS holders
FROM kept_card JOIN person USING (person) LEFT JOIN (
  SELECT kept_card.psa, CAST(count(DISTINCT person) AS INTEGER) AS sharing FROM kept_card SEMI JOIN person USING (person) GROUP BY kept_card.psa
) AS held ON held.psa = kept_card.psa
UNION ALL
SELECT DISTINCT line.card, person.person_no, person.shard, 1, 1, 1 FROM gross_card AS line JOIN person ON person.person = line.person
WHERE line.archived IS NULL AND line.card NOT IN (SELECT card FROM kept_card);
-- persons: how many share the pseudonym, 1 where the rule on shared ones is switched off; then they are their first person's.
CREATE OR REPLACE TABLE psa_person AS
SELECT psa, person_no, shard, sharing, CASE WHEN ${bit_R2} & ${mask} = 0 THEN 1 ELSE sharing END AS persons
FROM (
  SELECT kept_card.psa, arg_min(person.person_no, person.pseudonym) AS person_no, arg_min(person.shard, person.pseudonym) AS shard,
    CAST(count(DISTINCT person.person_no) AS INTEGER) AS sharing
  FROM kept_card JOIN person USING (person) WHERE kept_card.psa IS NOT NULL GROUP BY kept_card.psa
)
