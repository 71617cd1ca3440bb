-- SPDX-License-Identifier: Apache-2.0
-- A value holds for a day, or for the whole year that it names.
INSERT INTO new_gross_environment BY NAME
SELECT ${unit} AS unit, 0 AS flow, '${named}' AS exposure, COM AS commune, CASE WHEN length(DATE) = 4 THEN CAST(DATE || '-01-01' AS DATE) ELSE CAST(DATE AS DATE) END AS first_day,
  CASE WHEN length(DATE) = 4 THEN CAST(DATE || '-12-31' AS DATE) ELSE CAST(DATE AS DATE) END AS last_day, VALUE AS value, UNIT AS measured_in, SOURCE AS source, 0 AS hits
FROM lines_environment
