-- SPDX-License-Identifier: Apache-2.0
SELECT exposure, min(measured_in) AS measured_in, CAST(min(year(first_day)) AS INTEGER) AS first_year, CAST(max(year(last_day)) AS INTEGER) AS last_year,
  count(DISTINCT measured_in) AS units
FROM gross_environment GROUP BY exposure ORDER BY exposure
