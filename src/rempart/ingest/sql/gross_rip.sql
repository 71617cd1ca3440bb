-- SPDX-License-Identifier: Apache-2.0
-- Psychiatry: the chaining line is the stay, its sequences are facts with their diagnosis. An ambulatory act is a contact of its own; it reaches a person
-- through the facility's own number of the patient, if exactly one true pseudonym has that number in the facility's stays.
CREATE OR REPLACE TEMP TABLE again_chain AS
SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_rip_chaining) WHERE turn > 1;
CREATE OR REPLACE TEMP TABLE week_now AS
SELECT *, CASE WHEN again THEN ${bit_K1} ELSE 0 END AS hits
FROM (SELECT *, row_number() OVER (PARTITION BY line_key, SEQ_SEQ_NUM ORDER BY place) > 1 AS again FROM lines_rip_sequences) AS line;
CREATE OR REPLACE TEMP TABLE stay_now AS
SELECT line.line_key, line.again, weeks.line_key IS NOT NULL AS has_stay, TRUE AS has_chain, snds_stay('rip', ${year}, line.ETA_NUM_EPMSI, line.RIP_NUM) AS stay,
  line.NIR_ANO_17 AS psa, line.EXE_SOI_DTD AS entry, line.EXE_SOI_DTF AS leaving, weeks.* EXCLUDE (line_key), line.ETA_NUM_EPMSI AS legal_facility, line.hits
FROM (
  SELECT line.*, again.place IS NOT NULL AS again, ${marks_rip_chaining} | CASE WHEN again.place IS NULL THEN 0 ELSE ${bit_K1} END AS hits
  FROM lines_rip_chaining AS line LEFT JOIN again_chain AS again USING (place)
) AS line
LEFT JOIN (
  SELECT line_key, arg_min(ENT_MOD, SEQ_SEQ_NUM) AS entry_mode, arg_min(ENT_PRV, SEQ_SEQ_NUM) AS entry_from, arg_max(SOR_MOD, SEQ_SEQ_NUM) AS exit_mode,
    arg_max(SOR_DES, SEQ_SEQ_NUM) AS exit_to, arg_min(FOR_ACT, SEQ_SEQ_NUM) AS kind, arg_min(AGE_ANN, SEQ_SEQ_NUM) AS age_years,
    arg_min(AGE_JOU, SEQ_SEQ_NUM) AS age_days, arg_min(COD_SEX, SEQ_SEQ_NUM) AS sex, arg_min(BDI_COD, SEQ_SEQ_NUM) AS residence
  FROM week_now WHERE NOT again GROUP BY line_key
) AS weeks ON weeks.line_key = line.line_key AND NOT line.again;
INSERT INTO new_gross_stay BY NAME SELECT ${unit} AS unit, 0 AS flow, 'rip' AS field, * EXCLUDE (line_key, again) FROM stay_now;
DELETE FROM stay_now WHERE again;
INSERT INTO new_gross_stay_fact BY NAME
SELECT ${unit} AS unit, 0 AS flow, stay.psa, 'rip' AS field, stay.stay, fact.* EXCLUDE (line_key, hits, delay),
  fact.hits | CASE WHEN stay.stay IS NULL THEN ${bit_J1} ELSE 0 END
    | CASE WHEN fact.kind <> 'diagnosis' AND snds_outside(stay.entry, stay.leaving, ${year}, fact.delay) THEN ${bit_P12} ELSE 0 END AS hits,
  snds_delay(stay.entry, stay.leaving, ${year}, fact.delay) AS delay, stay.entry + coalesce(snds_delay(stay.entry, stay.leaving, ${year}, fact.delay), 0) AS day
FROM (
  SELECT line_key, 'rip_sequences' AS word, 'week' AS kind, CAST(NULL AS VARCHAR) AS status, FOR_ACT AS code, coalesce(DEL_DAT, 0) AS delay,
    SEQ_COU_NBJ AS duration, CAST(NULL AS DOUBLE) AS quantity, CAST(NULL AS VARCHAR) AS phase, MOD_SOI AS activity, SEQ_SEQ_NUM AS ward, hits
  FROM week_now
  UNION ALL
  SELECT line_key, NULL, 'diagnosis', 'DP', DGN_PAL, coalesce(DEL_DAT, 0), NULL, NULL, NULL, NULL, SEQ_SEQ_NUM, 0 FROM week_now WHERE DGN_PAL IS NOT NULL AND NOT again
  UNION ALL
  SELECT line_key, 'rip_diagnoses', 'diagnosis', 'DAS', ASS_DGN, 0, NULL, NULL, NULL, NULL, SEQ_SEQ_NUM, ${marks_rip_diagnoses} FROM lines_rip_diagnoses AS line
  UNION ALL
  SELECT line_key, 'rip_acts', 'act', 'CCAM', CDC_ACT, coalesce(ENT_DAT_DEL, 0), NULL, NBR_EXE_ACT, PHA_ACT, ACV_ACT, NULL, ${marks_rip_acts}
  FROM lines_rip_acts AS line
) AS fact LEFT JOIN stay_now AS stay ON stay.line_key = fact.line_key;
CREATE OR REPLACE TEMP TABLE contact_now AS
SELECT line.line_key, snds_stay('rip', ${year}, line.ETA_NUM_EPMSI, coalesce(line.SEJ_IDT, '') || '/' || line.ORD_NUM) AS stay, patient.psa, line.again,
  try(make_date(RAL_ACT_ANN, RAL_ACT_MOI, 1)) AS entry, line.ACT_LIEU AS entry_from, line.ACT_NAT AS grouped, line.DGN_PAL AS principal, line.AGE_ANN AS age_years,
  line.AGE_JOU AS age_days, line.COD_SEX AS sex, line.BDI_COD AS residence, line.ETA_NUM_EPMSI AS legal_facility,
  ${marks_rip_ambulatory} | CASE WHEN line.again THEN ${bit_K1} ELSE 0 END AS hits
FROM (SELECT *, row_number() OVER (PARTITION BY line_key ORDER BY place) > 1 AS again FROM lines_rip_ambulatory) AS line
LEFT JOIN (
  SELECT week.ETA_NUM_EPMSI, week.IPP_IRR_CRY, min(stay.psa) AS psa FROM week_now AS week JOIN stay_now AS stay USING (line_key)
  WHERE week.IPP_IRR_CRY IS NOT NULL AND stay.hits & ${bit_P6} = 0 GROUP BY ALL HAVING count(DISTINCT stay.psa) = 1
) AS patient ON patient.ETA_NUM_EPMSI = line.ETA_NUM_EPMSI AND patient.IPP_IRR_CRY = line.IPP_IRR_CRY;
INSERT INTO new_gross_stay BY NAME
SELECT ${unit} AS unit, 0 AS flow, 'rip' AS field, 'ambulatory' AS kind, TRUE AS has_stay, psa IS NOT NULL AS has_chain, entry AS leaving,
  * EXCLUDE (line_key, again) FROM contact_now;
DELETE FROM contact_now WHERE again;
INSERT INTO new_gross_stay_fact BY NAME
SELECT ${unit} AS unit, 0 AS flow, contact.psa, 'rip' AS field, contact.stay, 'rip_ambulatory_diagnoses' AS word, 'diagnosis' AS kind, 'DAS' AS status,
  line.ASS_DGN AS code, 0 AS delay, contact.entry AS day, ${marks_rip_ambulatory_diagnoses} | CASE WHEN contact.stay IS NULL THEN ${bit_J1} ELSE 0 END AS hits
FROM lines_rip_ambulatory_diagnoses AS line LEFT JOIN contact_now AS contact ON contact.line_key = line.line_key
