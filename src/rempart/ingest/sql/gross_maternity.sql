-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_maternity BY NAME
SELECT ${unit} AS unit, 0 AS flow, snds_card(BEN_NIR_PSA, BEN_RNG_GEM, NULL) AS card, BEN_GRS_DTE AS conceived, BEN_DRA_AME AS month, ${marks_maternity} AS hits
FROM lines_maternity AS line
