-- SPDX-License-Identifier: Apache-2.0
-- Hospital outpatient care: an invoice and its chaining line are a stay; services, fees, acts, tests and drugs are its facts.
CREATE OR REPLACE TEMP TABLE again_record AS
SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_ace_invoices) WHERE turn > 1;
CREATE OR REPLACE TEMP TABLE again_chain AS
SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_ace_chaining) WHERE turn > 1;
CREATE OR REPLACE TEMP TABLE stay_now AS
SELECT coalesce(record.line_key, chain.line_key) AS line_key, record.line_key IS NOT NULL AS has_stay, chain.line_key IS NOT NULL AS has_chain,
  snds_stay('ace', ${year}, coalesce(record.ETA_NUM, chain.ETA_NUM), coalesce(record.SEQ_NUM, chain.SEQ_NUM)) AS stay, chain.NIR_ANO_17 AS psa,
  chain.EXE_SOI_DTD AS entry, chain.EXE_SOI_DTF AS leaving, record.AGE_ANN AS age_years, record.COD_SEX AS sex, record.BDI_COD AS residence,
  coalesce(record.ETA_NUM, chain.ETA_NUM) AS legal_facility, record.ETA_NUM_GEO AS place_facility,
  CASE WHEN record.HON_MNT IS NOT NULL OR record.PH_MNT IS NOT NULL THEN coalesce(record.HON_MNT, 0) + coalesce(record.PH_MNT, 0) END AS paid,
  coalesce(record.again, chain.again, FALSE) AS again, coalesce(record.hits, 0) | coalesce(chain.hits, 0) AS hits
FROM (
  SELECT line.*, again.place IS NOT NULL AS again, CASE WHEN again.place IS NULL THEN line_key END AS join_key,
    ${marks_ace_invoices} | CASE WHEN again.place IS NULL THEN 0 ELSE ${bit_K1} END AS hits
  FROM lines_ace_invoices AS line LEFT JOIN again_record AS again USING (place)
) AS record
FULL JOIN (
  SELECT line.*, again.place IS NOT NULL AS again, CASE WHEN again.place IS NULL THEN line_key END AS join_key,
    ${marks_ace_chaining} | CASE WHEN again.place IS NULL THEN 0 ELSE ${bit_K1} END AS hits
  FROM lines_ace_chaining AS line LEFT JOIN again_chain AS again USING (place)
) AS chain ON chain.join_key = record.join_key;
INSERT INTO new_gross_stay BY NAME SELECT ${unit} AS unit, 0 AS flow, 'ace' AS field, * EXCLUDE (line_key, again) FROM stay_now;
DELETE FROM stay_now WHERE again OR NOT has_stay;
INSERT INTO new_gross_stay_fact BY NAME
SELECT ${unit} AS unit, 0 AS flow, stay.psa, fact.* EXCLUDE (line_key, hits, delay), 'ace' AS field, stay.stay,
  fact.hits | CASE WHEN stay.stay IS NULL THEN ${bit_J1} ELSE 0 END | CASE WHEN snds_outside(stay.entry, stay.leaving, ${year}, fact.delay) THEN ${bit_P12} ELSE 0 END AS hits,
  snds_delay(stay.entry, stay.leaving, ${year}, fact.delay) AS delay, stay.entry + snds_delay(stay.entry, stay.leaving, ${year}, fact.delay) AS day
FROM (
  SELECT line_key, 'ace_services' AS word, 'service' AS kind, CAST(NULL AS VARCHAR) AS status, ACT_COD AS code, coalesce(DEL_DAT_ENT, 0) AS delay,
    ACT_NBR AS quantity, HON_MNT AS paid, CAST(NULL AS VARCHAR) AS phase, EXE_SPE AS activity, ETA_NUM_GEO AS place_facility, ${marks_ace_services} AS hits
  FROM lines_ace_services AS line
  UNION ALL
  SELECT line_key, 'ace_fees', 'service', NULL, ACT_COD, coalesce(DEL_DAT_ENT, 0), ACT_NBR, HON_MNT, NULL, EXE_SPE, ETA_NUM_GEO, ${marks_ace_fees}
  FROM lines_ace_fees AS line
  UNION ALL
  SELECT line_key, 'ace_acts', 'act', 'CCAM', CCAM_COD, coalesce(DEL_DAT_ENT, 0), 1, NULL, PHA_ACT, ACV_ACT, ETA_NUM_GEO, ${marks_ace_acts}
  FROM lines_ace_acts AS line
  UNION ALL
  SELECT line_key, 'ace_labs', 'lab', NULL, right('0000' || NABM_COD, 4), coalesce(DEL_DAT_ENT, 0), ACT_NBR, NULL, NULL, NULL, ETA_NUM_GEO, ${marks_ace_labs}
  FROM lines_ace_labs AS line
  UNION ALL
  SELECT line_key, 'ace_drugs', 'drug', NULL, right(coalesce(UCD_UCD_COD, UCD_COD), 7), coalesce(DEL_DAT_ENT, 0), QUA, FAC_MNT, NULL, NULL, ETA_NUM_GEO,
    ${marks_ace_drugs}
  FROM lines_ace_drugs AS line
) AS fact LEFT JOIN stay_now AS stay ON stay.line_key = fact.line_key
