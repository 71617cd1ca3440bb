-- SPDX-License-Identifier: Apache-2.0
-- The person is the mother. The child is a second person of the row; empty where its pseudonym is nobody's or not one person's.
SELECT person_no, NULL AS word, ${base} + row_number() OVER () AS mother_child_id, birth_day AS birth_date, child_pseudonym AS child_person_id,
  CASE WHEN child_persons = 0 THEN 'unknown' WHEN child_persons > 1 THEN 'shared' ELSE 'own' END AS child_source_value, way AS link_source_value,
  sex AS child_gender_source_value, weight AS birth_weight, gestation AS gestation_weeks, visit_no AS visit_occurrence_id
FROM context_mother_child
