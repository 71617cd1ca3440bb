-- SPDX-License-Identifier: Apache-2.0
-- Codes met in one shard, by system.
SELECT DISTINCT CASE kind WHEN 'drug' THEN CASE length(code) WHEN 7 THEN 'CIP7' ELSE 'CIP13' END WHEN 'hospital_drug' THEN 'UCD' WHEN 'act' THEN 'CCAM'
  WHEN 'lab' THEN 'NABM' ELSE 'LPP' END AS system, code
FROM gross_claim WHERE kind <> 'line' AND code IS NOT NULL
UNION
SELECT 'CIM-10', unnest([principal, related, third]) FROM gross_stay
UNION
SELECT CASE kind WHEN 'diagnosis' THEN 'CIM-10' WHEN 'act' THEN CASE status WHEN 'CSARR' THEN 'CSARR' ELSE 'CCAM' END WHEN 'drug' THEN 'UCD'
  WHEN 'lab' THEN 'NABM' ELSE 'LPP' END, code
FROM gross_stay_fact WHERE kind IN ('diagnosis', 'act', 'drug', 'lab', 'device') AND code IS NOT NULL
UNION
SELECT 'CIM-10', code FROM gross_condition WHERE code IS NOT NULL
UNION
SELECT 'CIM-10', code FROM gross_death WHERE code IS NOT NULL
UNION
SELECT 'VAC-SI', code FROM gross_dose WHERE code IS NOT NULL
