-- SPDX-License-Identifier: Apache-2.0
-- Principal, related and associated diagnoses of stays stay distinct by status; long-term conditions have no visit.
SELECT person.person AS source_person, snds_id(concat_ws('|', status, place, code)) AS condition_occurrence_id,
  0 AS condition_concept_id, first_day AS condition_start_date, last_day AS condition_end_date, ${type_claim} AS condition_type_concept_id,
  CASE status WHEN 'DP' THEN ${status_principal} WHEN 'ALD' THEN 0 ELSE ${status_secondary} END AS condition_status_concept_id,
  status AS condition_status_source_value, CASE WHEN status <> 'ALD' THEN snds_id('mco|' || place) END AS visit_occurrence_id,
  code AS condition_source_value, 0 AS condition_source_concept_id
FROM (
  SELECT 'DP' AS status, stay AS place, person_no, entry AS first_day, leaving AS last_day, principal AS code FROM snds_joined_stays
  WHERE hits = 0 AND principal IS NOT NULL
  UNION ALL
  SELECT 'DR', stay, person_no, entry, leaving, related FROM snds_joined_stays WHERE hits = 0 AND related IS NOT NULL
  UNION ALL
  SELECT 'DAS', stay, person_no, entry, leaving, code FROM snds_stay_diagnoses WHERE hits = 0
  UNION ALL
  SELECT 'ALD', known.person || '|' || spell.first_day, spell.person_no, spell.first_day, spell.last_day, spell.code
  FROM snds_spells AS spell JOIN snds_persons AS known USING (person_no) WHERE spell.hits = 0
) AS fact JOIN snds_persons AS person USING (person_no)
