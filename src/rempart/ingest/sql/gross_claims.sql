-- SPDX-License-Identifier: Apache-2.0
-- One row a detail line, and one of kind "line" for a main line without details. Lines and details whose whole key came before are found
-- first and joined with nothing, so that no join multiplies a row; of several details of a line one leads.
-- A detail without its rank has no whole key: it is taken for no other.
CREATE OR REPLACE TEMP TABLE again_line AS
SELECT place FROM (
  SELECT place, row_number() OVER (PARTITION BY line_key ORDER BY place) AS turn FROM lines_claims
  WHERE line_key IN (SELECT line_key FROM lines_claims GROUP BY line_key HAVING count(*) > 1)
) WHERE turn > 1;
CREATE OR REPLACE TEMP VIEW detail_places AS
SELECT 'drug' AS kind, place, line_key, coalesce(PHA_ORD_NUM, PHA_SEQ_NUM) AS rank FROM lines_drugs
UNION ALL SELECT 'hospital_drug', place, line_key, nullif(concat_ws('|', coalesce(UCD_ORD_NUM, UCD_SEQ_NUM), UCD_LGN_NUM), '') FROM lines_hospital_drugs
UNION ALL SELECT 'act', place, line_key, coalesce(CAM_ORD_NUM, CAM_SEQ_NUM) FROM lines_claim_acts
UNION ALL SELECT 'lab', place, line_key, coalesce(BIO_ORD_NUM, BIO_SEQ_NUM) FROM lines_labs
UNION ALL SELECT 'device', place, line_key, coalesce(TIP_ORD_NUM, TIP_SEQ_NUM) FROM lines_devices;
CREATE OR REPLACE TEMP TABLE later_detail AS
SELECT kind, place, same > 1 AS again FROM (
  SELECT kind, place, row_number() OVER (PARTITION BY line_key ORDER BY kind, place) AS turn,
    row_number() OVER (PARTITION BY line_key, kind, coalesce(rank, 'at ' || place) ORDER BY place) AS same
  FROM detail_places
  WHERE line_key IN (SELECT line_key FROM (
    SELECT line_key FROM lines_drugs UNION ALL SELECT line_key FROM lines_hospital_drugs UNION ALL SELECT line_key FROM lines_claim_acts
    UNION ALL SELECT line_key FROM lines_labs UNION ALL SELECT line_key FROM lines_devices
  ) GROUP BY line_key HAVING count(*) > 1)
) WHERE turn > 1;
CREATE OR REPLACE TEMP VIEW details AS
SELECT line_key AS detail_key, flow AS detail_flow, 'drug' AS kind, later.place IS NULL AS first, coalesce(later.again, FALSE) AS again,
  coalesce(PHA_PRS_C13, PHA_PRS_IDE) AS code,
  CASE WHEN PHA_DEC_TOP = 'D' THEN coalesce(PHA_DEC_QSU, PHA_DEC_QSD) ELSE coalesce(PHA_ACT_QSN, PHA_ACT_QSC) END AS amount,
  CASE WHEN PHA_DEC_TOP = 'D' THEN coalesce(PHA_DEC_QSU, PHA_DEC_QSD) * PHA_DEC_PRU ELSE coalesce(PHA_ACT_QSN, PHA_ACT_QSC) * PHA_ACT_PRU END AS price,
  CAST(NULL AS DOUBLE) AS unit_price, CAST(NULL AS VARCHAR) AS activity, CASE WHEN PHA_DEC_TOP = 'D' THEN 'D' END AS phase, ${marks_drugs} AS detail_hits
FROM lines_drugs LEFT JOIN (SELECT place, again FROM later_detail WHERE kind = 'drug') AS later USING (place)
UNION ALL
SELECT line_key, flow, 'hospital_drug', later.place IS NULL, coalesce(later.again, FALSE), right(UCD_UCD_COD, 7), UCD_DLV_NBR, UCD_TTF_MNT,
  NULL, NULL, UCD_TOP_UCD, ${marks_hospital_drugs}
FROM lines_hospital_drugs LEFT JOIN (SELECT place, again FROM later_detail WHERE kind = 'hospital_drug') AS later USING (place)
UNION ALL
SELECT line_key, flow, 'act', later.place IS NULL, coalesce(later.again, FALSE), CAM_PRS_IDE, NULL, NULL, CAM_ACT_PRU, CAM_ACT_COD, CAM_TRT_PHA,
  ${marks_claim_acts}
FROM lines_claim_acts LEFT JOIN (SELECT place, again FROM later_detail WHERE kind = 'act') AS later USING (place)
UNION ALL
SELECT line_key, flow, 'lab', later.place IS NULL, coalesce(later.again, FALSE), right('0000' || BIO_PRS_IDE, 4), BIO_ACT_QSN, NULL, NULL, NULL, NULL,
  ${marks_labs}
FROM lines_labs LEFT JOIN (SELECT place, again FROM later_detail WHERE kind = 'lab') AS later USING (place)
UNION ALL
SELECT line_key, flow, 'device', later.place IS NULL, coalesce(later.again, FALSE), right('0000000' || TIP_PRS_IDE, 7), TIP_ACT_QSN,
  TIP_ACT_QSN * TIP_ACT_PRU, NULL, NULL, NULL, ${marks_devices}
FROM lines_devices LEFT JOIN (SELECT place, again FROM later_detail WHERE kind = 'device') AS later USING (place);
CREATE OR REPLACE TEMP TABLE facility_of_line AS
SELECT line_key AS facility_key, max(ETB_EXE_FIN) AS facility, max(CASE WHEN ETE_IND_TAA = '1' THEN '9' ELSE ETE_IND_TAA END) AS direct
FROM lines_facility_lines GROUP BY line_key;
INSERT INTO new_gross_claim BY NAME
SELECT ${unit} AS unit, flow, snds_card(BEN_NIR_PSA, BEN_RNG_GEM, BEN_IDT_ANO) AS card, snds_name(PFS_EXE_NUM) AS executing,
  snds_name(PFS_PRE_NUM) AS prescribing, kind, main AND coalesce(first, TRUE) AS lead, kind <> 'line' AS detail, EXE_SOI_DTD AS care, EXE_SOI_DTF AS care_end,
  PRE_PRE_DTD AS prescribed, PRS_NAT_REF AS nature, code, coalesce(amount, own_amount, 1) AS quantity,
  CASE WHEN kind = 'act' AND unit_price IS NOT NULL THEN own_amount * unit_price WHEN kind IN ('line', 'lab', 'act') THEN CASE WHEN coalesce(first, TRUE) THEN PRS_PAI_MNT END
    ELSE price END AS paid,
  CASE WHEN kind = 'act' AND unit_price IS NOT NULL THEN own_amount * unit_price * RGO_REM_TAU / 100
    WHEN kind IN ('line', 'lab', 'act') THEN CASE WHEN coalesce(first, TRUE) THEN own_reimbursed END ELSE price * RGO_REM_TAU / 100 END AS reimbursed,
  CASE WHEN PSE_STJ_COD IN (${salaried_statuses}) THEN '99_0' ELSE coalesce(snds_short(PSE_SPE_COD) || '_0', '0_' || snds_short(PSE_ACT_NAT)) END AS specialty,
  facility, ETB_PRE_FIN AS prescribing_facility, snds_insee(BEN_RES_DPT, BEN_RES_COM) AS commune,
  RGM_COD || '.' || coalesce(RGM_GRG_COD, GRG_AFF_COD, '') AS scheme, EXO_MTF AS exempt, PRS_GRS_DTD AS conceived, activity, phase,
  CASE WHEN main THEN ${marks_claims} ELSE ${bit_J1} END | CASE WHEN main AND kind IN ('line', 'act') THEN ${marks_claim_lines} ELSE 0 END
    | CASE WHEN main AND coalesce(amount, own_amount) IS NULL THEN ${bit_D8} ELSE 0 END | detail_hits | CASE WHEN again_main OR again THEN ${bit_K1} ELSE 0 END AS hits
FROM (
  SELECT line.* EXCLUDE (flow, main, again_main, ETE_IND_TAA), coalesce(line.main, FALSE) AS main, coalesce(line.flow, detail.detail_flow, 0) AS flow,
    coalesce(line.again_main, FALSE) AS again_main, coalesce(detail.kind, 'line') AS kind, detail.first, coalesce(detail.again, FALSE) AS again,
    detail.code, detail.amount, detail.price, detail.unit_price, detail.activity, detail.phase, coalesce(detail.detail_hits, 0) AS detail_hits,
    coalesce(place.facility, line.ETB_EXE_FIN) AS facility,
    CASE place.direct WHEN '9' THEN '1' ELSE coalesce(place.direct, line.ETE_IND_TAA) END AS ETE_IND_TAA
  FROM (
    SELECT *, TRUE AS main, again.place IS NOT NULL AS again_main, CASE WHEN again.place IS NULL THEN line_key END AS join_key,
      CASE WHEN PRS_NAT_REF IN (${counted_natures}) THEN PRS_ACT_NBR ELSE PRS_ACT_QTE END AS own_amount,
      coalesce(TOT_REM_MNT, BSE_REM_MNT + coalesce(CPL_REM_MNT, 0)) AS own_reimbursed
    FROM lines_claims LEFT JOIN again_line AS again USING (place)
  ) AS line
  FULL JOIN details AS detail ON detail.detail_key = line.join_key
  LEFT JOIN facility_of_line AS place ON place.facility_key = line.line_key
) AS line;
-- Simplified claims name a person, not a card: each person's key is a card of its own.
INSERT INTO new_gross_card BY NAME
SELECT DISTINCT ${unit} AS unit, 0 AS flow, snds_card(NULL, NULL, BEN_IDT_ANO) AS card, BEN_IDT_ANO AS person, 0 AS hits
FROM lines_claims WHERE BEN_NIR_PSA IS NULL AND BEN_IDT_ANO IS NOT NULL
