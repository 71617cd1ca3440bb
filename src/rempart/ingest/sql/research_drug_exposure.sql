-- SPDX-License-Identifier: Apache-2.0
-- Begins on the day of dispensing; no posology in claims, so no days' supply.
SELECT person.person AS source_person,
  snds_id(concat_ws('|', 'drug', person.person, care, code, coalesce(prescribing, ''), coalesce(executing, ''))) AS drug_exposure_id,
  0 AS drug_concept_id, care AS drug_exposure_start_date, care AS drug_exposure_end_date, ${type_claim} AS drug_type_concept_id,
  quantity, NULL AS days_supply, NULL AS visit_occurrence_id, code AS drug_source_value, 0 AS drug_source_concept_id,
  prescribed AS prescription_date, paid AS total_paid
FROM snds_drug_groups JOIN snds_persons AS person USING (person_no) WHERE quantity > 0
