-- SPDX-License-Identifier: Apache-2.0
SELECT person.person AS source_person, snds_id(concat_ws('|', 'act', stay, code, delay)) AS procedure_occurrence_id,
  0 AS procedure_concept_id, day AS procedure_date, ${type_claim} AS procedure_type_concept_id, coalesce(quantity, 1) AS quantity,
  snds_id('mco|' || stay) AS visit_occurrence_id, code AS procedure_source_value, 0 AS procedure_source_concept_id
FROM snds_stay_acts JOIN snds_persons AS person USING (person_no) WHERE hits = 0
