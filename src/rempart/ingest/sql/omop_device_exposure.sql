-- SPDX-License-Identifier: Apache-2.0
SELECT person_no, word, ${base} + row_number() OVER () AS device_exposure_id, 0 AS device_concept_id, day AS device_exposure_start_date,
  last_day AS device_exposure_end_date, ${type_claim} AS device_type_concept_id, quantity, provider AS provider_id, visit_no AS visit_occurrence_id,
  code AS device_source_value, 0 AS device_source_concept_id, 'LPP' AS device_source_vocabulary, paid AS total_paid, reimbursed AS total_reimbursed
FROM (
  SELECT person_no, word, care AS day, greatest(care, care_end) AS last_day, quantity, prescribing AS provider, CAST(NULL AS BIGINT) AS visit_no,
    code, paid, reimbursed
  FROM net_claim WHERE word = 'devices' AND hits = 0 AND quantity > 0
  UNION ALL
  SELECT person_no, word, day, day, quantity, NULL, visit_no, code, paid, NULL
  FROM net_fact WHERE kind = 'device' AND hits = 0 AND quantity > 0
)
