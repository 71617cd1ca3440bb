-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_diagnoses SELECT '${year}|' || ETA_NUM || '|' || RSA_NUM, ASS_DGN, ${hits} FROM (${input}) AS line
