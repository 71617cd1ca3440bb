-- SPDX-License-Identifier: Apache-2.0
-- The cards of a shard's persons, each judged; then one row a person, with what was decided and from how many choices.
CREATE OR REPLACE TABLE net_card AS
SELECT * EXCLUDE (own_hits, decided, first_of_card), own_hits | CASE WHEN decided AND NOT first_of_card THEN ${bit_B1} ELSE 0 END AS hits
FROM (
  SELECT line.archived, line.certified, line.card, line.psa, line.born, line.birth_month, line.sex, line.died, line.department, line.commune,
    line.scheme, line.seen, line.inserted, line.updated, line.consumer, line.unit, holder.person_no, line.hits & ${mask} AS own_hits,
    known.person_no IS NOT NULL AS decided,
    known.person_no IS NOT DISTINCT FROM holder.person_no AND row_number() OVER (
      PARTITION BY line.card, line.person ORDER BY line.hits & ${mask} = 0 DESC, line.certified DESC, line.updated DESC NULLS LAST, line.archived,
        line.seen DESC NULLS LAST, line.inserted NULLS LAST, line.died DESC NULLS LAST, line.sex, line.born, line.birth_month, line.department,
        line.commune, line.scheme) = 1 AS first_of_card
  FROM gross_card AS line
  LEFT JOIN card_person AS known ON known.card = line.card
  LEFT JOIN person AS holder ON holder.person = line.person
  WHERE line.archived IS NOT NULL AND coalesce(holder.person_no, 0) % ${passes} = ${pass}
);
CREATE OR REPLACE TABLE net_person AS
SELECT * EXCLUDE (turn, told_born, told_month),
  CASE WHEN decision_hits & ${decided} & (${decision_E1} | ${decision_E2}) = 0 THEN register_death END AS died
FROM (
  SELECT *, CASE WHEN told_born > year(DATE '${last_known}') AND ${decision_E3} & ${decided} <> 0 THEN NULL ELSE told_born END AS born,
    CASE WHEN told_month BETWEEN 1 AND 12 THEN told_month END AS birth_month,
    CASE WHEN year(register_death) < told_born AND told_born <= year(DATE '${last_known}') THEN ${decision_E1} ELSE 0 END
    | CASE WHEN register_death > DATE '${last_known}' THEN ${decision_E2} ELSE 0 END
    | CASE WHEN told_born > year(DATE '${last_known}') THEN ${decision_E3} ELSE 0 END
    | CASE WHEN told_month NOT BETWEEN 1 AND 12 THEN ${decision_E4} ELSE 0 END AS decision_hits
  FROM (
    SELECT person_no, sex, born AS told_born, birth_month AS told_month, department, commune, scheme, updated, unit, archived AS told_by_archive,
      row_number() OVER latest AS turn, count(*) OVER whole AS cards, count(*) FILTER (WHERE archived) OVER whole AS archived_cards,
      bool_or(certified) OVER whole AS certified, count(DISTINCT psa) OVER whole AS pseudonyms, count(DISTINCT sex) OVER whole AS sexes,
      count(DISTINCT (born, birth_month)) OVER whole AS births, count(DISTINCT commune) OVER whole AS communes,
      count(DISTINCT died) OVER whole AS register_deaths, max(died) OVER whole AS register_death, max(seen) OVER whole AS last_seen,
      max(consumer) OVER whole AS consumer,
      CASE WHEN NOT bool_or(inserted IS NULL) OVER whole THEN min(inserted) OVER whole END AS inserted
    FROM net_card WHERE hits = 0
    WINDOW whole AS (PARTITION BY person_no), latest AS (
      PARTITION BY person_no ORDER BY updated DESC NULLS LAST, seen DESC NULLS LAST, archived, inserted NULLS LAST, sex, born, birth_month, department,
        commune, scheme, unit)
  )
) WHERE turn = 1;
-- What a line of a card or of a pseudonym is judged by: its person, and the days outside of which that person cannot have had care.
CREATE OR REPLACE TABLE known_card AS
SELECT card, person_no, holders, make_date(born, 1, 1) AS not_before, died + ${days_after_death} AS not_after FROM card_person LEFT JOIN net_person USING (person_no);
CREATE OR REPLACE TABLE known_psa AS
SELECT psa, person_no, persons, make_date(born, 1, 1) AS not_before, died + ${days_after_death} AS not_after FROM psa_person LEFT JOIN net_person USING (person_no)
