-- SPDX-License-Identifier: Apache-2.0
-- Begins on the day of dispensing; no posology in claims, so no days' supply. The vocabulary tells packs, hospital units and vaccine doses apart.
-- number: a place in what was netted, then in what follows it; counting rows instead would keep the engine to one thread.
SELECT person_no, word, ${base} + number AS drug_exposure_id, 0 AS drug_concept_id, day AS drug_exposure_start_date,
  day AS drug_exposure_end_date, ${type_claim} AS drug_type_concept_id, quantity, NULL AS days_supply, provider AS provider_id,
  dispenser AS dispensing_provider_id, visit_no AS visit_occurrence_id, code AS drug_source_value, 0 AS drug_source_concept_id,
  vocabulary AS drug_source_vocabulary, unit AS dose_unit_source_value, prescribed AS prescription_date, paid AS total_paid, reimbursed AS total_reimbursed
FROM (
  SELECT rowid + 1 AS number, person_no, word, care AS day, quantity, prescribing AS provider, executing AS dispenser, CAST(NULL AS BIGINT) AS visit_no, code,
    CASE WHEN word = 'hospital_drugs' THEN 'UCD' WHEN length(code) = 7 THEN 'CIP7' ELSE 'CIP13' END AS vocabulary,
    CASE WHEN phase = '${opened_pack}' AND word = 'drugs' THEN 'unit' ELSE 'pack' END AS unit, prescribed, paid, reimbursed
  FROM net_claim WHERE word IN ('drugs', 'hospital_drugs') AND hits = 0 AND quantity > 0
  UNION ALL
  SELECT (SELECT count(*) FROM net_claim) + rowid + 1, person_no, word, day, quantity, NULL, NULL, visit_no, code, 'UCD', 'pack', NULL, paid, NULL
  FROM net_fact WHERE kind = 'drug' AND hits = 0 AND quantity > 0
  UNION ALL
  SELECT (SELECT count(*) FROM net_claim) + (SELECT count(*) FROM net_fact) + rowid + 1, person_no, 'doses', day, 1, NULL, NULL, NULL, code, 'VAC-SI', 'dose', NULL, NULL, NULL FROM net_dose WHERE hits = 0
)
