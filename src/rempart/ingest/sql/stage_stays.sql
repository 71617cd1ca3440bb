-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_stays
SELECT '${year}|' || ETA_NUM || '|' || RSA_NUM, DGN_PAL, DGN_REL, GRG_GHM, ENT_PRV, SOR_MOD, SOR_DES, ${hits} FROM (${input}) AS line
