-- SPDX-License-Identifier: Apache-2.0
-- Acts of claims, of stays and of hospital outpatients: one activity of an act.
SELECT person_no, word, ${base} + row_number() OVER () AS procedure_occurrence_id, 0 AS procedure_concept_id, day AS procedure_date,
  ${type_claim} AS procedure_type_concept_id, quantity, provider AS provider_id, visit_no AS visit_occurrence_id, code AS procedure_source_value,
  0 AS procedure_source_concept_id, vocabulary AS procedure_source_vocabulary, paid AS total_paid, reimbursed AS total_reimbursed
FROM (
  SELECT person_no, word, day, coalesce(most, 1) AS quantity, CAST(NULL AS BIGINT) AS provider, visit_no, code,
    CASE WHEN status = 'CSARR' THEN 'CSARR' ELSE 'CCAM' END AS vocabulary, paid, CAST(NULL AS DOUBLE) AS reimbursed
  FROM net_stay_act WHERE NOT further
  UNION ALL
  SELECT person_no, word, day, quantity, NULL, visit_no, code, 'NGAP', paid, NULL FROM net_fact WHERE kind = 'service' AND hits = 0 AND quantity > 0
  UNION ALL
  SELECT person_no, word, care, quantity, executing, NULL, code, 'CCAM', paid, reimbursed FROM net_act WHERE NOT further
)
