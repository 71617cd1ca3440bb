-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_home BY NAME
SELECT ${unit} AS unit, 0 AS flow, snds_card(BEN_NIR_PSA, BEN_RNG_GEM, NULL) AS card, ESM_FIN_ANO AS facility, ESM_TAR_COD AS kind, PEC_DEB_DTE AS first_day,
  PEC_FIN_DTE AS last_day, 0 AS hits
FROM lines_homes AS line
