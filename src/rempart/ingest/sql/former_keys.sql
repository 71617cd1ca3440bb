-- SPDX-License-Identifier: Apache-2.0
-- Who a key that no longer names its person is today: a person's key changes when the card is certified, and the card stays the same.
-- Given card_ever (every row of the cards, superseded ones too), unit_turn (unit, turn: units in the order of their production) and what
-- resolve_persons.sql leaves. Only cards that ever had several keys matter, so that all but the first table is narrow.
CREATE OR REPLACE TABLE card_holder AS
SELECT card, person, since FROM (
  SELECT line.card, line.person, min(unit_turn.turn) AS since, count(*) OVER (PARTITION BY line.card) AS holders
  FROM card_ever AS line JOIN unit_turn USING (unit) WHERE line.person IS NOT NULL AND line.card IS NOT NULL AND line.hits & ${mask} = 0
  GROUP BY line.card, line.person
) WHERE holders > 1;
-- A key follows another that held its card in an earlier unit, and so on from there; never the other way round.
CREATE OR REPLACE TABLE key_chain AS
WITH RECURSIVE chain(former, person, turn) AS (
  SELECT DISTINCT person, person, 0 FROM card_holder
  UNION
  SELECT chain.former, later.person, later.since FROM chain JOIN card_holder AS earlier USING (person)
  JOIN card_holder AS later ON later.card = earlier.card AND later.person <> earlier.person AND later.since > greatest(earlier.since, chain.turn)
)
SELECT DISTINCT former, person FROM chain;
-- Whoever the card is today follows too, in whatever order its rows came: its claims and stays are theirs.
CREATE OR REPLACE TABLE key_holder AS
SELECT former, person_no, bool_or(own_card) AS own_card FROM (
  SELECT key_chain.former, person.person_no, false AS own_card FROM key_chain JOIN person USING (person)
  UNION ALL
  SELECT key_chain.former, card_person.person_no, key_chain.former = card_holder.person
  FROM key_chain JOIN card_holder USING (person) JOIN card_person ON card_person.card = card_holder.card
) GROUP BY former, person_no;
-- An objection reaches all of them.
CREATE OR REPLACE TABLE former_key AS
SELECT DISTINCT known.pseudonym AS former, holder.pseudonym
FROM key_holder JOIN person AS holder USING (person_no) JOIN person_name AS known ON known.number = key_holder.former
WHERE holder.person <> key_holder.former;
-- What comes under the key alone, a certificate, is its one holder's, unless the key names a person by itself: by the cards that it held, where
-- these are nobody's any more by the keys that followed it. holders: how many there are; of several, none can be told from the others.
CREATE OR REPLACE TABLE key_person AS
SELECT person, person_no, shard, 1 AS holders FROM person
UNION ALL
SELECT found.former, arg_min(holder.person_no, holder.pseudonym), arg_min(holder.shard, holder.pseudonym), CAST(count(DISTINCT person_no) AS INTEGER)
FROM key_holder AS found JOIN person AS holder USING (person_no)
WHERE found.former NOT IN (SELECT person FROM person)
  AND (found.own_card OR found.former NOT IN (SELECT former FROM key_holder WHERE own_card))
GROUP BY found.former;
-- Simplified claims come under the key alone, too: theirs is the card of the key's one holder; of several, the line is
-- nobody's (R3), counted where one of them lies.
INSERT INTO card_person BY NAME
SELECT DISTINCT line.card, CASE WHEN known.holders = 1 THEN known.person_no END AS person_no, known.shard, 1 AS person_keys, 1 AS sharing, known.holders
FROM gross_card AS line JOIN key_person AS known ON known.person = line.person ANTI JOIN card_person AS told ON told.card = line.card
WHERE line.archived IS NULL
