-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_claims
SELECT line_key, person_no, EXE_SOI_DTD, PRE_PRE_DTD, PRS_NAT_REF, CPL_MAJ_TOP, PRS_ACT_QTE, PFS_EXE_NUM, PFS_PRE_NUM, ${hits}
FROM (
  SELECT line.*, card.person_no, facility.ETE_IND_TAA
  FROM (SELECT *, ${line_key} AS line_key FROM (${input}) AS line) AS line
  LEFT JOIN snds_cards AS card ON card.psa = line.BEN_NIR_PSA AND card.gem = line.BEN_RNG_GEM
  LEFT JOIN snds_facility_lines AS facility ON facility.line_key = line.line_key
) AS line
