-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_chaining
SELECT '${year}|' || ETA_NUM || '|' || RSA_NUM, person_no, EXE_SOI_DTD, EXE_SOI_DTF, ${hits}
FROM (
  SELECT line.*, known.person_no, known.persons FROM (${input}) AS line LEFT JOIN snds_pseudonyms AS known ON known.psa = line.NIR_ANO_17
) AS line
