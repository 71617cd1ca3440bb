-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_beneficiaries
SELECT '${word}' = 'archived_beneficiaries', BEN_NIR_PSA, BEN_RNG_GEM, BEN_IDT_ANO, coalesce(BEN_IDT_TOP, '0') = '1', BEN_NAI_ANN,
  nullif(CAST(BEN_NAI_MOI AS INTEGER), 0), BEN_SEX_COD, BEN_DCD_DTE, BEN_RES_DPT, BEN_RES_COM, MAX_TRT_DTD, BEN_DTE_INS, BEN_DTE_MAJ, ${hits}
FROM (${input}) AS line
