-- SPDX-License-Identifier: Apache-2.0
-- A cause is of the certificate of the same number, whether or not both were delivered together.
INSERT INTO new_gross_death BY NAME
SELECT ${unit} AS unit, 0 AS flow, BEN_IDT_ANO AS person, DCD_IDT_ENC AS certificate, 'certificate' AS kind, coalesce(DCD_IDT_TOP, '0') = '1' AS linked,
  BEN_DCD_DTE AS died, DCD_CIM_COD AS code, CAST(NULL AS INTEGER) AS line, CAST(NULL AS INTEGER) AS rank, snds_insee(DCD_DPT_COD, DCD_COM_COD) AS commune,
  ${marks_deaths} AS hits
FROM lines_deaths AS line;
INSERT INTO new_gross_death BY NAME
SELECT ${unit} AS unit, 0 AS flow, BEN_IDT_ANO AS person, DCD_IDT_ENC AS certificate, 'cause' AS kind, coalesce(DCD_IDT_TOP, '0') = '1' AS linked,
  BEN_DCD_DTE AS died, ECD_CIM_COD AS code, CER_LIG_NUM AS line, ECD_CAU_RNG AS rank, ${marks_causes} AS hits
FROM lines_causes AS line
