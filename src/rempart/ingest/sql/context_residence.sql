-- SPDX-License-Identifier: Apache-2.0
-- Residence in communes of one vintage. Neighbouring spells that a merge of communes made one are joined.
CREATE OR REPLACE TABLE context_residence AS
WITH placed AS (
  SELECT spell.person_no, spell.first_day, spell.last_day, spell.value AS delivered, now.commune, coalesce(now.how, 'unknown') AS how
  FROM context_spell AS spell LEFT JOIN commune_now AS now ON now.delivered = spell.value WHERE spell.what = 'commune'
), numbered AS (
  SELECT *, sum(change) OVER (PARTITION BY person_no ORDER BY first_day) AS stretch FROM (
    SELECT *, CAST(coalesce(commune, '?' || delivered) IS DISTINCT FROM lag(coalesce(commune, '?' || delivered))
      OVER (PARTITION BY person_no ORDER BY first_day) AS INTEGER) AS change FROM placed)
)
SELECT person_no, any_value(commune) AS commune, min(first_day) AS first_day, max(last_day) AS last_day,
  arg_min(delivered, first_day) AS delivered, arg_min(how, first_day) AS how
FROM numbered GROUP BY person_no, stretch
