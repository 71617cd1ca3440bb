-- SPDX-License-Identifier: Apache-2.0
-- Wards of a stay, weeks of rehabilitation, sequences: no day after the stay's last one.
SELECT person_no, word, ${base} + row_number() OVER () AS visit_detail_id,
  ${visit_inpatient} AS visit_detail_concept_id, day AS visit_detail_start_date,
  greatest(day, least(leaving, day + coalesce(duration, CAST(leaving - day AS INTEGER)))) AS visit_detail_end_date,
  ${type_claim} AS visit_detail_type_concept_id, concat_ws(' ', upper(field), kind, coalesce(ward, code)) AS visit_detail_source_value,
  visit_no AS visit_occurrence_id, place_facility AS care_site_source_value
FROM net_fact WHERE hits = 0 AND kind IN ('ward', 'week')
