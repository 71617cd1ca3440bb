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
CREATE OR REPLACE TABLE former_key AS
SELECT DISTINCT known.pseudonym AS former, holder.pseudonym FROM (
  SELECT key_chain.former, person.person_no FROM key_chain JOIN person USING (person)
  UNION
  SELECT key_chain.former, card_person.person_no FROM key_chain JOIN card_holder USING (person) JOIN card_person ON card_person.card = card_holder.card
  UNION
  SELECT person, person_no FROM key_person
) AS found JOIN person AS holder USING (person_no) JOIN person_name AS known ON known.number = found.former
WHERE holder.person <> found.former
