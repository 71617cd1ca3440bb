-- SPDX-License-Identifier: Apache-2.0
INSERT INTO new_gross_dose BY NAME
SELECT ${unit} AS unit, ${flow} AS flow, snds_card(BEN_NIR_PSA, BEN_RNG_GEM, NULL) AS card, VAC_DAT AS day, VAC_RNG AS rank, VAC_PRD AS code, ${marks_doses} AS hits
FROM lines_doses AS line
