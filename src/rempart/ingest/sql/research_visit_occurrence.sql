-- SPDX-License-Identifier: Apache-2.0
-- Hospital stays, and consultations of the community.
SELECT person.person AS source_person, snds_id('mco|' || stay) AS visit_occurrence_id,
  CASE WHEN entry_from = '${entry_by_emergency}' THEN ${visit_emergency_inpatient} ELSE ${visit_inpatient} END AS visit_concept_id,
  entry AS visit_start_date, leaving AS visit_end_date, ${type_claim} AS visit_type_concept_id, 'MCO ' || coalesce(grouped, '') AS visit_source_value,
  entry_from AS admitted_from_source_value, exit_to AS discharged_to_source_value
FROM snds_joined_stays JOIN snds_persons AS person USING (person_no) WHERE hits = 0
UNION ALL
SELECT person.person, snds_id(concat_ws('|', 'dcir', person.person, care, nature, coalesce(executing, ''))),
  CASE WHEN nature IN (${telehealth_natures}) THEN ${visit_telehealth} ELSE ${visit_outpatient} END, care, care, ${type_claim},
  'DCIR ' || nature, NULL, NULL
FROM snds_act_groups JOIN snds_persons AS person USING (person_no) WHERE quantity > 0
