-- SPDX-License-Identifier: Apache-2.0
-- Of each line of T_HADaaGRP, whether its sequence is in the unit.
INSERT INTO new_gross_consulted BY NAME
SELECT ${unit} AS unit, 0 AS flow, 'had_groups' AS word, count(*) AS lines, CASE WHEN main.line_key IS NULL THEN ${bit_J1} ELSE 0 END AS hits
FROM lines_had_groups AS line LEFT JOIN (SELECT DISTINCT line_key, SEQ_NUM, SSEQ_NUM FROM lines_had_sequences) AS main
  ON main.line_key = line.line_key AND main.SEQ_NUM IS NOT DISTINCT FROM line.SEQ_NUM AND main.SSEQ_NUM IS NOT DISTINCT FROM line.SSEQ_NUM GROUP BY ALL
