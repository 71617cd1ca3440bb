-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_certificates
SELECT DCD_IDT_ENC, person_no, BEN_DCD_DTE, DCD_CIM_COD, ${hits}
FROM (SELECT line.*, known.person_no FROM (${input}) AS line LEFT JOIN snds_persons AS known ON known.person = line.BEN_IDT_ANO) AS line
