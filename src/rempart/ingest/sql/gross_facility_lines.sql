-- SPDX-License-Identifier: Apache-2.0
-- Of each line of ER_ETE_F, whether its claim is in the unit. The claims are looked through by these few keys, never the reverse.
INSERT INTO new_gross_consulted BY NAME
SELECT ${unit} AS unit, line.flow, 'facility_lines' AS word, count(*) AS lines, CASE WHEN claim.line_key IS NULL THEN ${bit_J1} ELSE 0 END AS hits
FROM lines_facility_lines AS line
LEFT JOIN (SELECT DISTINCT line_key FROM lines_claims WHERE line_key IN (SELECT facility_key FROM facility_of_line)) AS claim USING (line_key) GROUP BY ALL
