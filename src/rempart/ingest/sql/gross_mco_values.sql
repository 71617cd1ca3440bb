-- SPDX-License-Identifier: Apache-2.0
-- Of each line of T_MCOaaVALO, whether its stay is in the unit.
INSERT INTO new_gross_consulted BY NAME
SELECT ${unit} AS unit, 0 AS flow, 'mco_values' AS word, count(*) AS lines, CASE WHEN main.line_key IS NULL THEN ${bit_J1} ELSE 0 END AS hits
FROM lines_mco_values AS line LEFT JOIN (SELECT DISTINCT line_key FROM lines_mco_stays) AS main USING (line_key) GROUP BY ALL
