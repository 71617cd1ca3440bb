-- SPDX-License-Identifier: Apache-2.0
-- What person resolution found in a shard; numbers of shards add up to the warehouse's.
SELECT what, CAST(n AS BIGINT) AS n FROM (
  SELECT 1 AS place, 'cards-kept' AS what, count(*) AS n FROM net_card WHERE hits = 0
  UNION ALL SELECT 2, 'persons', count(*) FROM net_person
  UNION ALL SELECT 3, 'persons-with-several-cards', count(*) FROM net_person WHERE cards > 1
  UNION ALL SELECT 4, 'persons-from-archive-only', count(*) FROM net_person WHERE cards = archived_cards
  -- A person without certified number is as many persons as cards: nothing in the delivery joins them.
  UNION ALL SELECT 5, 'persons-never-certified', count(*) FROM net_person WHERE NOT certified
  UNION ALL SELECT 6, 'pseudonyms-shared-by-several-persons', count(*) FROM psa_person JOIN person USING (person_no) WHERE sharing > 1
  UNION ALL SELECT 7, 'persons-sharing-a-pseudonym', count(DISTINCT card.person_no) FROM net_card AS card JOIN card_person USING (card)
    WHERE card.hits = 0 AND card_person.sharing > 1
  UNION ALL SELECT 8, 'deaths', count(*) FROM net_death
  UNION ALL SELECT 9, 'deaths-known-from-the-register', count(*) FROM net_death WHERE registered IS NOT NULL
  UNION ALL SELECT 10, 'deaths-known-only-from-a-certificate', count(*) FROM net_death WHERE registered IS NULL AND certified IS NOT NULL
  UNION ALL SELECT 11, 'deaths-known-only-from-a-stay', count(*) FROM net_death WHERE registered IS NULL AND certified IS NULL
  UNION ALL SELECT 12, 'deaths-dated-differently-by-two-sources', count(*) FROM net_death
    WHERE registered <> certified OR registered <> left_dead OR certified <> left_dead
  UNION ALL SELECT 13, 'register-deaths-set-aside', count(*) FROM net_person
    WHERE decision_hits & ${decided} & (${decision_E1} | ${decision_E2}) <> 0
  UNION ALL SELECT 20, 'years-of-birth-set-aside', count(*) FROM net_person WHERE decision_hits & ${decided} & ${decision_E3} <> 0
  UNION ALL SELECT 21, 'months-of-birth-set-aside', count(*) FROM net_person WHERE decision_hits & ${decided} & ${decision_E4} <> 0
  UNION ALL SELECT 14, 'certificates-under-a-key-of-several-persons', count(*) FROM net_certificate
    WHERE kind = 'certificate' AND hits & ${bit_R3} <> 0
  UNION ALL SELECT 15, 'persons-never-observed', count(*) FROM net_person ANTI JOIN context_observed USING (person_no)
  UNION ALL SELECT 16, 'persons-who-moved', count(*) FROM (SELECT person_no FROM context_residence GROUP BY person_no HAVING count(*) > 1)
  UNION ALL SELECT 17, 'persons-in-an-unknown-commune', count(DISTINCT person_no) FROM context_residence WHERE commune IS NULL
  UNION ALL SELECT 18, 'childbirths', count(*) FROM context_pregnancy
  UNION ALL SELECT 19, 'births-linked', count(*) FROM context_mother_child
) ORDER BY place
