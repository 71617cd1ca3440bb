-- SPDX-License-Identifier: Apache-2.0
-- A stay is its record and its chaining line; what happened in it takes its pseudonym. Facts carry the bits of their own line, the stay's stand in its row.
CREATE OR REPLACE TEMP TABLE again_record AS
SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_mco_stays) WHERE turn > 1;
CREATE OR REPLACE TEMP TABLE again_chain AS
SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_mco_chaining) WHERE turn > 1;
CREATE OR REPLACE TEMP TABLE stay_now AS
SELECT coalesce(record.line_key, chain.line_key) AS line_key, record.line_key IS NOT NULL AS has_stay, chain.line_key IS NOT NULL AS has_chain,
  snds_stay('mco', ${year}, coalesce(record.ETA_NUM, chain.ETA_NUM), coalesce(record.RSA_NUM, chain.RSA_NUM)) AS stay, chain.NIR_ANO_17 AS psa,
  CASE WHEN length(chain.NIR_ANO_MAM) = 17 THEN chain.NIR_ANO_MAM END AS mother, snds_link(coalesce(chain.ID_MAM_ENF, chain.NIR_ANO_MAM)) AS birth,
  chain.EXE_SOI_DTD AS entry, chain.EXE_SOI_DTF AS leaving, record.ENT_MOD AS entry_mode, record.ENT_PRV AS entry_from, record.SOR_MOD AS exit_mode,
  record.SOR_DES AS exit_to, record.GRG_GHM AS grouped, record.GHS_NUM AS tariff, record.SEJ_TYP AS kind, record.DGN_PAL AS principal, record.DGN_REL AS related,
  record.AGE_ANN AS age_years, record.AGE_JOU AS age_days, record.COD_SEX AS sex, record.POI_NAI AS weight, record.AGE_GES AS gestation,
  record.BDI_COD AS residence, coalesce(record.ETA_NUM, chain.ETA_NUM) AS legal_facility, coalesce(record.again, chain.again, FALSE) AS again,
  coalesce(record.hits, 0) | coalesce(chain.hits, 0) AS hits
FROM (
  SELECT line.*, again.place IS NOT NULL AS again, CASE WHEN again.place IS NULL THEN line_key END AS join_key,
    ${marks_mco_stays} | CASE WHEN again.place IS NULL THEN 0 ELSE ${bit_K1} END AS hits
  FROM lines_mco_stays AS line LEFT JOIN again_record AS again USING (place)
) AS record
FULL JOIN (
  SELECT line.*, again.place IS NOT NULL AS again, CASE WHEN again.place IS NULL THEN line_key END AS join_key,
    ${marks_mco_chaining} | CASE WHEN again.place IS NULL THEN 0 ELSE ${bit_K1} END AS hits
  FROM lines_mco_chaining AS line LEFT JOIN again_chain AS again USING (place)
) AS chain ON chain.join_key = record.join_key;
INSERT INTO new_gross_stay BY NAME
SELECT ${unit} AS unit, 0 AS flow, 'mco' AS field, stay_now.* EXCLUDE (line_key, again), ward.place_facility, valued.paid
FROM stay_now LEFT JOIN (SELECT line_key, sum(MNT_TOT_AM) AS paid FROM lines_mco_values GROUP BY line_key) AS valued
  ON valued.line_key = stay_now.line_key AND has_stay AND NOT again
LEFT JOIN (
  SELECT line_key, arg_min(ETA_NUM_GEO, (UM_ORD_NUM, place)) AS place_facility FROM lines_mco_wards WHERE ETA_NUM_GEO IS NOT NULL GROUP BY line_key
) AS ward ON ward.line_key = stay_now.line_key AND has_stay AND NOT again;
DELETE FROM stay_now WHERE again OR NOT has_stay;
INSERT INTO new_gross_stay_fact BY NAME
SELECT ${unit} AS unit, 0 AS flow, stay.psa, fact.* EXCLUDE (line_key, hits, delay), 'mco' AS field, stay.stay,
  fact.hits | CASE WHEN stay.stay IS NULL THEN ${bit_J1} ELSE 0 END | CASE WHEN snds_outside(stay.entry, stay.leaving, ${year}, fact.delay) THEN ${bit_P12} ELSE 0 END AS hits,
  snds_delay(stay.entry, stay.leaving, ${year}, fact.delay) AS delay, stay.entry + snds_delay(stay.entry, stay.leaving, ${year}, fact.delay) AS day
FROM (
  SELECT line_key, 'mco_diagnoses' AS word, 'diagnosis' AS kind, 'DAS' AS status, ASS_DGN AS code, CAST(NULL AS INTEGER) AS delay, CAST(NULL AS INTEGER) AS duration,
    CAST(NULL AS DOUBLE) AS quantity, CAST(NULL AS VARCHAR) AS phase, CAST(NULL AS VARCHAR) AS activity, CAST(NULL AS VARCHAR) AS ward,
    CAST(NULL AS VARCHAR) AS place_facility, ${marks_mco_diagnoses} AS hits
  FROM lines_mco_diagnoses AS line
  UNION ALL
  SELECT line_key, 'mco_acts', 'act', 'CCAM', CDC_ACT, coalesce(ENT_DAT_DEL, 0), NULL, NBR_EXE_ACT, PHA_ACT, ACV_ACT, NULL, NULL, ${marks_mco_acts}
  FROM lines_mco_acts AS line
  UNION ALL
  SELECT line_key, 'mco_drugs', 'drug', NULL, right(coalesce(UCD_UCD_COD, UCD_COD), 7), DELAI, NULL, ADM_NBR, NULL, NULL, NULL, NULL, ${marks_mco_drugs}
  FROM lines_mco_drugs AS line
  UNION ALL
  SELECT line_key, 'mco_wards', 'ward', NULL, coalesce(AUT_TYP1_UM, UM_TYP), NULL, PAR_DUR_SEJ, NULL, NULL, NULL, UM_ORD_NUM, ETA_NUM_GEO, 0 FROM lines_mco_wards
  UNION ALL
  SELECT line_key, NULL, 'diagnosis', 'DP_UM', DGN_PAL, NULL, NULL, NULL, NULL, NULL, UM_ORD_NUM, ETA_NUM_GEO, 0 FROM lines_mco_wards WHERE DGN_PAL IS NOT NULL
  UNION ALL
  SELECT line_key, NULL, 'diagnosis', 'DR_UM', DGN_REL, NULL, NULL, NULL, NULL, NULL, UM_ORD_NUM, ETA_NUM_GEO, 0 FROM lines_mco_wards WHERE DGN_REL IS NOT NULL
) AS fact LEFT JOIN stay_now AS stay ON stay.line_key = fact.line_key
