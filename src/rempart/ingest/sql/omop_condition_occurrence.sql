-- SPDX-License-Identifier: Apache-2.0
-- Principal, related and associated diagnoses of stays stay distinct by status; long-term conditions have no visit.
SELECT person_no, word, ${base} + row_number() OVER () AS condition_occurrence_id, 0 AS condition_concept_id,
  first_day AS condition_start_date, last_day AS condition_end_date, ${type_claim} AS condition_type_concept_id,
  CASE WHEN status IN (${principal_statuses}) THEN ${status_principal} WHEN status = 'ALD' THEN 0 ELSE ${status_secondary} END
    AS condition_status_concept_id,
  status AS condition_status_source_value, visit_no AS visit_occurrence_id, code AS condition_source_value, 0 AS condition_source_concept_id,
  'CIM-10' AS condition_source_vocabulary, coalesce(told, number) AS ald_number_source_value,
  CASE WHEN told <> number THEN number END AS ald_number_delivered_value
FROM (
  SELECT person_no, NULL AS word, visit_no, entry AS first_day, leaving AS last_day, principal AS code, 'DP' AS status,
    NULL AS number, NULL AS told
  FROM net_stay WHERE hits = 0 AND principal IS NOT NULL
  UNION ALL
  SELECT person_no, NULL, visit_no, entry, leaving, related, 'DR', NULL, NULL FROM net_stay WHERE hits = 0 AND related IS NOT NULL
  UNION ALL
  SELECT person_no, word, visit_no, entry, leaving, code, status, NULL, NULL FROM net_fact WHERE hits = 0 AND kind = 'diagnosis'
  UNION ALL
  SELECT person_no, 'conditions', NULL, first_day, last_day, code, 'ALD', number, told
  FROM net_condition LEFT JOIN (SELECT code, number AS told FROM net_condition_number) USING (code) WHERE hits = 0
)
