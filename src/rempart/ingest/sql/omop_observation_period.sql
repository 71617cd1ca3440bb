-- SPDX-License-Identifier: Apache-2.0
-- From the first day delivered, or from the month a person first appears when entered in the register later; to death or the last day delivered.
SELECT person_no, NULL AS word, ${base} + row_number() OVER () AS observation_period_id, first_day AS observation_period_start_date,
  last_day AS observation_period_end_date, ${type_enrolment} AS period_type_concept_id
FROM (
  SELECT person.person_no, least(death.day, DATE '${last_day}') AS last_day,
    CASE WHEN coalesce(person.inserted <= DATE '${first_day}', TRUE) THEN DATE '${first_day}'
      ELSE greatest(DATE '${first_day}', CAST(date_trunc('month', least(person.inserted, seen.care)) AS DATE)) END AS first_day
  FROM net_person AS person
  LEFT JOIN net_death AS death ON death.person_no = person.person_no
  LEFT JOIN (SELECT person_no, min(care) AS care FROM net_claim WHERE hits = 0 GROUP BY person_no) AS seen ON seen.person_no = person.person_no
) WHERE first_day <= last_day
