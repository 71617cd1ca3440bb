-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_card BY NAME
SELECT ${unit} AS unit, 0 AS flow, BEN_NIR_PSA AS psa, snds_card(BEN_NIR_PSA, BEN_RNG_GEM, BEN_IDT_ANO) AS card, BEN_IDT_ANO AS person,
  CASE WHEN NOT snds_nobody(BEN_NIR_ANO) THEN BEN_NIR_ANO END AS own, archived,
  coalesce(BEN_IDT_TOP, '0') = '1' AS certified, BEN_CDI_NIR AS identity_kind, BEN_NAI_ANN AS born, nullif(TRY_CAST(BEN_NAI_MOI AS INTEGER), 0) AS birth_month,
  BEN_SEX_COD AS sex, BEN_DCD_DTE AS died, BEN_RES_DPT AS department, snds_insee(BEN_RES_DPT, BEN_RES_COM) AS commune, ORG_AFF_BEN AS scheme,
  MAX_TRT_DTD AS seen, BEN_DTE_INS AS inserted, BEN_DTE_MAJ AS updated, BEN_TOP_CNS AS consumer, ${marks_beneficiaries} AS hits
FROM (SELECT *, FALSE AS archived FROM lines_beneficiaries UNION ALL BY NAME SELECT *, TRUE AS archived FROM lines_archived_beneficiaries) AS line
