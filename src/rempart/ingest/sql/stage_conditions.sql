-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_conditions
SELECT person_no, MED_MTF_COD, coalesce(IMB_ALD_DTD, INS_DTE),
  CASE WHEN IMB_ALD_DTF < DATE '${open_end}' THEN IMB_ALD_DTF END, ${hits}
FROM (
  SELECT line.*, card.person_no FROM (${input}) AS line
  LEFT JOIN snds_cards AS card ON card.psa = line.BEN_NIR_PSA AND card.gem = line.BEN_RNG_GEM
) AS line
