-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_acts
SELECT '${year}|' || ETA_NUM || '|' || RSA_NUM, CDC_ACT, coalesce(ENT_DAT_DEL, 0), ACV_ACT, NBR_EXE_ACT, ${hits} FROM (${input}) AS line
