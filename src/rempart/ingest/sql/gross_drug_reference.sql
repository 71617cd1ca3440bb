-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_drug_code BY NAME
SELECT ${unit} AS unit, 0 AS flow, PHA_CIP_C13 AS cip13, PHA_PRS_IDE AS cip7, right(PHA_CIP_UCD, 7) AS ucd, coalesce(PHA_ATC_C07, PHA_ATC_CLA) AS atc,
  PHA_ATC_L07 AS label, 0 AS hits
FROM lines_drug_reference
