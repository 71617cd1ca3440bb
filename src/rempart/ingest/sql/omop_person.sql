-- SPDX-License-Identifier: Apache-2.0
SELECT person_no, NULL AS word, CASE sex WHEN '1' THEN ${man} ELSE ${woman} END AS gender_concept_id, born AS year_of_birth,
  0 AS race_concept_id, 0 AS ethnicity_concept_id, sex AS gender_source_value, department AS location_source_value,
  birth_month AS month_of_birth, NULL AS day_of_birth, commune AS commune_source_value
FROM net_person
