-- SPDX-License-Identifier: Apache-2.0
-- From the first day delivered, or from the month a person first appears when entered in the register later; to death or the last day delivered.
SELECT source_person, snds_id('period|' || source_person || '|' || first_day) AS observation_period_id,
  first_day AS observation_period_start_date, last_day AS observation_period_end_date, ${type_enrolment} AS period_type_concept_id
FROM (
  SELECT person.person AS source_person, least(death.day, DATE '${last_day}') AS last_day,
    CASE WHEN coalesce(person.inserted <= DATE '${first_day}', TRUE) THEN DATE '${first_day}'
      ELSE greatest(DATE '${first_day}', CAST(date_trunc('month', least(person.inserted, seen.care)) AS DATE)) END AS first_day
  FROM snds_persons AS person
  LEFT JOIN snds_deaths AS death USING (person_no)
  LEFT JOIN snds_first_claims AS seen USING (person_no)
) WHERE first_day <= last_day
