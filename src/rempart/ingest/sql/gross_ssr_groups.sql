-- SPDX-License-Identifier: Apache-2.0
-- Of each line of T_SSRaaGME, whether its stay is in the unit; the group that counts is that of the week.
INSERT INTO new_gross_consulted BY NAME
SELECT ${unit} AS unit, 0 AS flow, 'ssr_groups' AS word, count(*) AS lines, CASE WHEN main.line_key IS NULL THEN ${bit_J1} ELSE 0 END AS hits
FROM lines_ssr_groups AS line LEFT JOIN (SELECT DISTINCT line_key FROM lines_ssr_weeks) AS main USING (line_key) GROUP BY ALL
