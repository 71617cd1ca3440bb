-- SPDX-License-Identifier: Apache-2.0
-- Rehabilitation: the chaining line is the stay, its weeks are facts with their diagnoses; a fact of a week meets the rules of the week.
-- A stay meets the rules that all of its weeks meet.
CREATE OR REPLACE TEMP TABLE again_chain AS
SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_ssr_chaining) WHERE turn > 1;
CREATE OR REPLACE TEMP TABLE week_now AS
SELECT *, ${marks_ssr_weeks} | CASE WHEN again THEN ${bit_K1} ELSE 0 END AS hits
FROM (SELECT *, row_number() OVER (PARTITION BY line_key, RHS_NUM ORDER BY place) > 1 AS again FROM lines_ssr_weeks) AS line;
CREATE OR REPLACE TEMP TABLE stay_now AS
SELECT line.line_key, line.again, weeks.line_key IS NOT NULL AS has_stay, TRUE AS has_chain, snds_stay('ssr', ${year}, line.ETA_NUM, line.RHA_NUM) AS stay,
  line.NIR_ANO_17 AS psa, line.EXE_SOI_DTD AS entry, line.EXE_SOI_DTF AS leaving, weeks.* EXCLUDE (line_key, hits), line.ETA_NUM AS legal_facility,
  line.hits | coalesce(weeks.hits, 0) AS hits
FROM (
  SELECT line.*, again.place IS NOT NULL AS again, ${marks_ssr_chaining} | CASE WHEN again.place IS NULL THEN 0 ELSE ${bit_K1} END AS hits
  FROM lines_ssr_chaining AS line LEFT JOIN again_chain AS again USING (place)
) AS line
LEFT JOIN (
  SELECT line_key, arg_min(ENT_MOD, RHS_NUM) AS entry_mode, arg_min(ENT_PRV, RHS_NUM) AS entry_from, arg_max(SOR_MOD, RHS_NUM) AS exit_mode,
    arg_max(SOR_DES, RHS_NUM) AS exit_to, arg_min(GRG_GME, RHS_NUM) AS grouped, arg_min(HOS_TYP_UM, RHS_NUM) AS kind, arg_min(AGE_ANN, RHS_NUM) AS age_years,
    arg_min(COD_SEX, RHS_NUM) AS sex, arg_min(BDI_COD, RHS_NUM) AS residence, arg_min(ETA_NUM_GEO, RHS_NUM) AS place_facility, bit_and(hits) AS hits
  FROM week_now WHERE NOT again GROUP BY line_key
) AS weeks ON weeks.line_key = line.line_key AND NOT line.again;
INSERT INTO new_gross_stay BY NAME SELECT ${unit} AS unit, 0 AS flow, 'ssr' AS field, * EXCLUDE (line_key, again) FROM stay_now;
DELETE FROM stay_now WHERE again;
INSERT INTO new_gross_stay_fact BY NAME
SELECT ${unit} AS unit, 0 AS flow, stay.psa, 'ssr' AS field, stay.stay, fact.* EXCLUDE (line_key, week, hits, delay),
  fact.hits | coalesce(week.hits, 0) | CASE WHEN stay.stay IS NULL OR (fact.kind <> 'week' AND week.line_key IS NULL) THEN ${bit_J1} ELSE 0 END
    | CASE WHEN fact.kind <> 'diagnosis' AND snds_outside(stay.entry, stay.leaving, ${year}, fact.delay) THEN ${bit_P12} ELSE 0 END AS hits,
  snds_delay(stay.entry, stay.leaving, ${year}, fact.delay) AS delay, stay.entry + coalesce(snds_delay(stay.entry, stay.leaving, ${year}, fact.delay), 0) AS day
FROM (
  SELECT line_key, RHS_NUM AS week, 'ssr_weeks' AS word, 'week' AS kind, CAST(NULL AS VARCHAR) AS status, GRG_GME AS code,
    coalesce(RHS_ANT_SEJ_ENT, (TRY_CAST(RHS_NUM AS INTEGER) - 1) * 7) AS delay, 7 AS duration, CAST(NULL AS DOUBLE) AS quantity, CAST(NULL AS VARCHAR) AS phase,
    HOS_TYP_UM AS activity, RHS_NUM AS ward, ETA_NUM_GEO AS place_facility, hits
  FROM week_now
  UNION ALL
  SELECT line_key, RHS_NUM, NULL, 'diagnosis', 'FP', FP_PEC, RHS_ANT_SEJ_ENT, NULL, NULL, NULL, NULL, RHS_NUM, ETA_NUM_GEO, 0
  FROM week_now WHERE FP_PEC IS NOT NULL AND NOT again
  UNION ALL
  SELECT line_key, RHS_NUM, NULL, 'diagnosis', 'MMP', MOR_PRP, RHS_ANT_SEJ_ENT, NULL, NULL, NULL, NULL, RHS_NUM, ETA_NUM_GEO, 0
  FROM week_now WHERE MOR_PRP IS NOT NULL AND NOT again
  UNION ALL
  SELECT line_key, RHS_NUM, NULL, 'diagnosis', 'AE', ETL_AFF, RHS_ANT_SEJ_ENT, NULL, NULL, NULL, NULL, RHS_NUM, ETA_NUM_GEO, 0
  FROM week_now WHERE ETL_AFF IS NOT NULL AND NOT again
  UNION ALL
  SELECT line_key, RHS_NUM, 'ssr_diagnoses', 'diagnosis', 'DAS', DGN_COD, NULL, NULL, NULL, NULL, NULL, RHS_NUM, NULL, ${marks_ssr_diagnoses}
  FROM lines_ssr_diagnoses AS line
  UNION ALL
  SELECT line_key, RHS_NUM, 'ssr_acts', 'act', 'CCAM', CCAM_ACT, coalesce(CCAM_DEL_ENT_UM, 0), NULL, CCAM_NBR_REA, CCAM_PHA_ACT, CCAM_COD_ACT, RHS_NUM, NULL,
    ${marks_ssr_acts}
  FROM lines_ssr_acts AS line
  UNION ALL
  SELECT line_key, RHS_NUM, 'ssr_rehabilitation', 'act', 'CSARR', CSARR_COD, coalesce(ENT_DAT_DEL_UM, 0), NULL, NBR_CSARR, NULL, NULL, RHS_NUM, NULL,
    ${marks_ssr_rehabilitation}
  FROM lines_ssr_rehabilitation AS line
) AS fact
LEFT JOIN stay_now AS stay ON stay.line_key = fact.line_key
LEFT JOIN (SELECT line_key, RHS_NUM, hits FROM week_now WHERE NOT again) AS week ON week.line_key = fact.line_key AND week.RHS_NUM = fact.week
