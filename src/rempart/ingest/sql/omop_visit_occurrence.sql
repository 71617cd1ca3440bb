-- SPDX-License-Identifier: Apache-2.0
-- Stays of every field, outpatient visits of hospitals, and consultations of the community.
SELECT person_no, visit_word AS word, chain_word AS also, visit_no AS visit_occurrence_id,
  CASE WHEN field = 'mco' AND entry_from = '${entry_by_emergency}' THEN ${visit_emergency_inpatient}
    WHEN field = 'ace' AND emergency THEN ${visit_emergency}
    WHEN field = 'ace' OR field = 'ssr' AND kind IN (${day_hospital_kinds}) OR field = 'rip' AND kind IN (${ambulatory_kinds}) THEN ${visit_outpatient}
    ELSE ${visit_inpatient} END AS visit_concept_id,
  entry AS visit_start_date, leaving AS visit_end_date, ${type_claim} AS visit_type_concept_id,
  upper(field) || ' ' || coalesce(grouped, '') AS visit_source_value,
  entry_from AS admitted_from_source_value, exit_to AS discharged_to_source_value, CAST(NULL AS BIGINT) AS provider_id,
  place_facility AS care_site_source_value, legal_facility AS legal_facility_source_value, paid AS total_paid, CAST(NULL AS DOUBLE) AS total_reimbursed
FROM (
  SELECT *, CASE field WHEN 'mco' THEN 'mco_stays' WHEN 'ace' THEN 'ace_invoices' WHEN 'rip' THEN CASE WHEN kind IN (${ambulatory_kinds}) THEN 'rip_ambulatory' END END
      AS visit_word, CASE WHEN has_chain AND coalesce(kind, '') NOT IN (${ambulatory_kinds}) THEN field || '_chaining' END AS chain_word,
    visit_no IN (SELECT visit_no FROM net_fact WHERE hits = 0 AND kind = 'service' AND code = '${emergency_act}') AS emergency
  FROM net_stay WHERE hits = 0
)
UNION ALL
SELECT person_no, 'claims', NULL, ${base} + 2 * row_number() OVER () + 1,
  CASE WHEN nature IN (${telehealth_natures}) THEN ${visit_telehealth} WHEN nature IN (${home_natures}) THEN ${visit_home} ELSE ${visit_outpatient} END, care, care, ${type_claim},
  'DCIR ' || nature, NULL, NULL, executing, facility, NULL, paid, reimbursed
FROM net_claim WHERE word = 'claims' AND hits = 0 AND quantity > 0
