-- SPDX-License-Identifier: Apache-2.0
-- Hospital at home: the chaining line is the stay, its sequences are facts with their diagnosis and group; a fact of a sequence meets its rules.
-- A stay meets the rules that all of its sequences meet.
CREATE OR REPLACE TEMP TABLE again_chain AS
SELECT place FROM (SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_had_chaining) WHERE turn > 1;
CREATE OR REPLACE TEMP TABLE week_now AS
SELECT *, ${marks_had_sequences} | CASE WHEN again THEN ${bit_K1} ELSE 0 END AS hits
FROM (
  SELECT sequence.*, grouped.GHT_NUM, coalesce(sequence.SEQ_NUM, '') || '|' || coalesce(sequence.SSEQ_NUM, '') AS week,
    row_number() OVER (PARTITION BY sequence.line_key, sequence.SEQ_NUM, sequence.SSEQ_NUM ORDER BY sequence.place) > 1 AS again,
    coalesce(sum(SSEQ_NBJ) OVER (PARTITION BY sequence.line_key ORDER BY sequence.SEQ_NUM, sequence.SSEQ_NUM, sequence.place
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS delay
  FROM lines_had_sequences AS sequence
  LEFT JOIN (SELECT line_key, SEQ_NUM, SSEQ_NUM, max(GHT_NUM) AS GHT_NUM FROM lines_had_groups GROUP BY ALL) AS grouped
    ON grouped.line_key = sequence.line_key AND grouped.SEQ_NUM IS NOT DISTINCT FROM sequence.SEQ_NUM AND grouped.SSEQ_NUM IS NOT DISTINCT FROM sequence.SSEQ_NUM
) AS line;
CREATE OR REPLACE TEMP TABLE stay_now AS
SELECT line.line_key, line.again, weeks.line_key IS NOT NULL AS has_stay, TRUE AS has_chain,
  snds_stay('had', ${year}, line.ETA_NUM_EPMSI, line.RHAD_NUM) AS stay,
  line.NIR_ANO_17 AS psa, line.EXE_SOI_DTD AS entry, line.EXE_SOI_DTF AS leaving, weeks.* EXCLUDE (line_key, hits), line.ETA_NUM_EPMSI AS legal_facility,
  line.hits | coalesce(weeks.hits, 0) AS hits
FROM (
  SELECT line.*, again.place IS NOT NULL AS again, ${marks_had_chaining} | CASE WHEN again.place IS NULL THEN 0 ELSE ${bit_K1} END AS hits
  FROM lines_had_chaining AS line LEFT JOIN again_chain AS again USING (place)
) AS line
LEFT JOIN (
  SELECT line_key, arg_min(ENT_MOD, week) AS entry_mode, arg_min(ENT_PRV, week) AS entry_from, arg_max(SOR_MOD, week) AS exit_mode,
    arg_max(SOR_DES, week) AS exit_to, arg_min(GHT_NUM, week) AS grouped, arg_min(PEC_PAL, week) AS kind, arg_min(AGE_ANN, week) AS age_years,
    arg_min(AGE_JOU, week) AS age_days, arg_min(COD_SEX, week) AS sex, arg_min(BDI_COD, week) AS residence, arg_min(ETA_NUM_GEO, week) AS place_facility,
    bit_and(hits) AS hits
  FROM week_now WHERE NOT again GROUP BY line_key
) AS weeks ON weeks.line_key = line.line_key AND NOT line.again;
INSERT INTO new_gross_stay BY NAME SELECT ${unit} AS unit, 0 AS flow, 'had' AS field, * EXCLUDE (line_key, again) FROM stay_now;
DELETE FROM stay_now WHERE again;
INSERT INTO new_gross_stay_fact BY NAME
SELECT ${unit} AS unit, 0 AS flow, stay.psa, 'had' AS field, stay.stay, fact.* EXCLUDE (line_key, week, hits, delay),
  snds_delay(stay.entry, stay.leaving, ${year}, coalesce(week.delay, 0) + coalesce(fact.delay, 0)) AS delay,
  fact.hits | coalesce(week.hits, 0) | CASE WHEN stay.stay IS NULL OR (fact.kind <> 'week' AND week.line_key IS NULL) THEN ${bit_J1} ELSE 0 END
    | CASE WHEN fact.kind <> 'diagnosis' AND snds_outside(stay.entry, stay.leaving, ${year}, coalesce(week.delay, 0) + coalesce(fact.delay, 0)) THEN ${bit_P12} ELSE 0 END AS hits,
  stay.entry + snds_delay(stay.entry, stay.leaving, ${year}, coalesce(week.delay, 0) + coalesce(fact.delay, 0)) AS day
FROM (
  SELECT line_key, week, 'had_sequences' AS word, 'week' AS kind, CAST(NULL AS VARCHAR) AS status, GHT_NUM AS code, 0 AS delay, SSEQ_NBJ AS duration,
    CAST(NULL AS DOUBLE) AS quantity, CAST(NULL AS VARCHAR) AS phase, PEC_PAL AS activity, week AS ward, ETA_NUM_GEO AS place_facility, hits
  FROM week_now
  UNION ALL
  SELECT line_key, week, NULL, 'diagnosis', 'DP', DGN_PAL, 0, NULL, NULL, NULL, NULL, week, ETA_NUM_GEO, 0 FROM week_now WHERE DGN_PAL IS NOT NULL AND NOT again
  UNION ALL
  SELECT line_key, coalesce(SEQ_NUM, '') || '|' || coalesce(SSEQ_NUM, ''), 'had_diagnoses', 'diagnosis', 'DAS', DGN_ASS, 0, NULL, NULL, NULL, NULL, NULL, NULL,
    ${marks_had_diagnoses}
  FROM lines_had_diagnoses AS line
  UNION ALL
  SELECT line_key, coalesce(SEQ_NUM, '') || '|' || coalesce(SSEQ_NUM, ''), 'had_acts', 'act', 'CCAM', CCAM_COD, coalesce(DEL_DEB_SSEQ, 0), NULL, REAL_NBR, PHA_COD,
    ACT_COD, NULL, NULL, ${marks_had_acts}
  FROM lines_had_acts AS line
) AS fact
LEFT JOIN stay_now AS stay ON stay.line_key = fact.line_key
LEFT JOIN (SELECT line_key, week, delay, hits FROM week_now WHERE NOT again) AS week ON week.line_key = fact.line_key AND week.week = fact.week
