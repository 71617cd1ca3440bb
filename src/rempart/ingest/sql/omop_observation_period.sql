-- SPDX-License-Identifier: Apache-2.0
SELECT person_no, NULL AS word, ${base} + row_number() OVER () AS observation_period_id, first_day AS observation_period_start_date,
  last_day AS observation_period_end_date, ${type_enrolment} AS period_type_concept_id
FROM context_observed
