-- SPDX-License-Identifier: Apache-2.0
-- That a test was done: the SNDS has no results. number: as for drugs.
SELECT person_no, word, ${base} + number AS measurement_id, 0 AS measurement_concept_id, day AS measurement_date,
  ${type_claim} AS measurement_type_concept_id, quantity, provider AS provider_id, visit_no AS visit_occurrence_id, code AS measurement_source_value,
  0 AS measurement_source_concept_id, 'NABM' AS measurement_source_vocabulary, paid AS total_paid, reimbursed AS total_reimbursed
FROM (
  SELECT rowid + 1 AS number, person_no, word, care AS day, quantity, prescribing AS provider, CAST(NULL AS BIGINT) AS visit_no, code, paid, reimbursed
  FROM net_claim WHERE word = 'labs' AND hits = 0 AND quantity > 0
  UNION ALL
  SELECT (SELECT count(*) FROM net_claim) + rowid + 1, person_no, word, day, quantity, NULL, visit_no, code, paid, NULL
  FROM net_fact WHERE kind = 'lab' AND hits = 0 AND quantity > 0
)
