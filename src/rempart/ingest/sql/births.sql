-- SPDX-License-Identifier: Apache-2.0
-- Which person each birth stay is of, over all shards: given context_births, kept_card, person. Where n births and n persons share a
-- pseudonym (twins of one sex) they are paired by weight and by pseudonym: the mother is right, which twin is which nobody can say.
CREATE OR REPLACE TABLE context_birth AS
SELECT born.* EXCLUDE (turn, births), child.pseudonym AS child_pseudonym, coalesce(holders.persons, 0) AS child_persons
FROM (
  SELECT *, row_number() OVER (PARTITION BY child ORDER BY weight DESC NULLS LAST, stay) AS turn, count(*) OVER (PARTITION BY child) AS births
  FROM context_births
) AS born
LEFT JOIN (SELECT psa, count(DISTINCT person) AS persons FROM kept_card GROUP BY psa) AS holders ON holders.psa = born.child
LEFT JOIN (
  SELECT psa, pseudonym, row_number() OVER (PARTITION BY psa ORDER BY pseudonym) AS turn
  FROM (SELECT DISTINCT kept_card.psa, person.pseudonym FROM kept_card JOIN person USING (person))
) AS child ON child.psa = born.child AND holders.persons = born.births AND child.turn = born.turn
