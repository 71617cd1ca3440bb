-- SPDX-License-Identifier: Apache-2.0
-- Codes met in one shard, by system.
SELECT DISTINCT system, code FROM (
  SELECT CASE kind WHEN 'drug' THEN CASE length(code) WHEN 7 THEN 'CIP7' ELSE 'CIP13' END WHEN 'hospital_drug' THEN 'UCD' WHEN 'act' THEN 'CCAM'
    WHEN 'lab' THEN 'NABM' ELSE 'LPP' END AS system, code
  FROM (SELECT DISTINCT kind, code FROM gross_claim WHERE kind <> 'line' AND code IS NOT NULL)
  UNION ALL
  SELECT 'CIM-10', unnest([principal, related, third]) FROM (SELECT DISTINCT principal, related, third FROM gross_stay)
  UNION ALL
  SELECT CASE kind WHEN 'diagnosis' THEN 'CIM-10' WHEN 'act' THEN CASE status WHEN 'CSARR' THEN 'CSARR' ELSE 'CCAM' END WHEN 'drug' THEN 'UCD'
    WHEN 'lab' THEN 'NABM' ELSE 'LPP' END, code
  FROM (SELECT DISTINCT kind, status, code FROM gross_stay_fact WHERE kind IN ('diagnosis', 'act', 'drug', 'lab', 'device') AND code IS NOT NULL)
  UNION ALL
  SELECT DISTINCT 'CIM-10', code FROM gross_condition
  UNION ALL
  SELECT DISTINCT 'CIM-10', code FROM gross_death
  UNION ALL
  SELECT DISTINCT 'VAC-SI', code FROM gross_dose
) WHERE code IS NOT NULL
