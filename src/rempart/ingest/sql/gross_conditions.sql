-- SPDX-License-Identifier: Apache-2.0
-- A spell that has no end, or one far ahead, is open.
INSERT INTO new_gross_condition BY NAME
SELECT ${unit} AS unit, 0 AS flow, snds_card(BEN_NIR_PSA, BEN_RNG_GEM, NULL) AS card, IMB_ETM_NAT AS ground, coalesce(IMB_ALD_DTD, INS_DTE) AS first_day,
  CASE WHEN IMB_ALD_DTF < DATE '${open_end}' THEN IMB_ALD_DTF END AS last_day, MED_MTF_COD AS code, IMB_ALD_NUM AS number, INS_DTE AS inserted,
  ${marks_conditions} AS hits
FROM lines_conditions AS line
