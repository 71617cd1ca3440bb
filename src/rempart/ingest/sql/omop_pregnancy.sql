-- SPDX-License-Identifier: Apache-2.0
SELECT person_no, NULL AS word, ${base} + row_number() OVER () AS pregnancy_id,
  coalesce(conceived, day - (7 * gestation - ${conception_after}), day - usual_days) AS pregnancy_start_date, day AS pregnancy_end_date,
  CASE WHEN conceived IS NOT NULL THEN told_by WHEN gestation IS NOT NULL THEN 'gestation' ELSE 'usual' END AS start_source_value,
  outcome AS outcome_source_value, CAST(live_births AS INTEGER) AS live_births, CAST(stillbirths AS INTEGER) AS stillbirths,
  gestation AS gestation_weeks, visit_no AS visit_occurrence_id
FROM context_pregnancy
