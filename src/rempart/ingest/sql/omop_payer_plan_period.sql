-- SPDX-License-Identifier: Apache-2.0
-- Changes of scheme; who was in a scheme on its last day goes on in the one that took its people over.
WITH held AS (
  SELECT spell.person_no, spell.first_day, least(spell.last_day, coalesce(ended.last, spell.last_day)) AS last_day, spell.value AS scheme
  FROM context_spell AS spell LEFT JOIN context_scheme AS ended ON ended.scheme = spell.value
  WHERE spell.what = 'scheme' AND (ended.last IS NULL OR spell.first_day <= ended.last)
  UNION ALL
  SELECT spell.person_no, greatest(spell.first_day, ended.last + 1), spell.last_day, ended.then_scheme
  FROM context_spell AS spell JOIN context_scheme AS ended ON ended.scheme = spell.value
  WHERE spell.what = 'scheme' AND spell.last_day > ended.last
), numbered AS (
  SELECT *, sum(change) OVER (PARTITION BY person_no ORDER BY first_day) AS stretch FROM (
    SELECT *, CAST(scheme IS DISTINCT FROM lag(scheme) OVER (PARTITION BY person_no ORDER BY first_day) AS INTEGER) AS change FROM held)
)
SELECT person_no, NULL AS word, ${base} + row_number() OVER () AS payer_plan_period_id, min(first_day) AS payer_plan_period_start_date,
  max(last_day) AS payer_plan_period_end_date, 0 AS payer_concept_id, any_value(scheme) AS payer_source_value
FROM numbered GROUP BY person_no, stretch
