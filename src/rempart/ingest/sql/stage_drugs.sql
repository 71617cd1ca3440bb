-- SPDX-License-Identifier: Apache-2.0
-- A detail amount is quantity times unit price; the amounts of the main line are never summed after the join.
INSERT INTO snds_drugs
SELECT ${line_key}, PHA_ORD_NUM, PHA_PRS_C13, PHA_ACT_QSN, PHA_ACT_QSN * PHA_ACT_PRU, ${hits} FROM (${input}) AS line
