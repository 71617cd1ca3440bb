-- SPDX-License-Identifier: Apache-2.0
-- What was decided about a person, and from how many choices: never of any use to a study.
SELECT person_no, NULL AS word, cards, archived_cards, net_person.certified, pseudonyms, coalesce(shared, 0) AS shared_pseudonyms, unit AS told_by_unit,
  told_by_archive, updated AS told_on, sexes, births, communes, register_deaths, death.told_by AS death_told_by,
  CASE WHEN death.registered <> death.certified OR death.registered <> death.left_dead OR death.certified <> death.left_dead THEN TRUE ELSE FALSE END
    AS deaths_differ,
  nullif(concat_ws(' ', ${decision_names}), '') AS rules
FROM net_person
LEFT JOIN (
  SELECT card.person_no AS holder, count(DISTINCT card.psa) AS shared FROM net_card AS card JOIN card_person USING (card)
  WHERE card.hits = 0 AND card_person.sharing > 1 GROUP BY card.person_no
) ON holder = person_no
LEFT JOIN net_death AS death USING (person_no)
