-- SPDX-License-Identifier: Apache-2.0
-- Values by commune of one vintage. Where communes were merged: the mean weighted by their populations, if all of them are known.
SELECT exposure, now_commune AS commune, first_day, last_day, CAST(year(first_day) AS INTEGER) AS year, any_value(measured_in) AS measured_in,
  min(source) AS source,
  CASE WHEN bool_or(coalesce(persons, 0) = 0) THEN sum(CAST(round(value * 1000000) AS HUGEINT)) / (1000000.0 * count(*))
    ELSE sum(CAST(round(value * 1000000) AS HUGEINT) * persons) / (1000000.0 * sum(persons)) END AS value
FROM (
  SELECT DISTINCT given.exposure, given.commune, given.first_day, given.last_day, given.value, given.measured_in, given.source, now.commune AS now_commune, people.persons
  FROM gross_environment AS given
  JOIN commune_now AS now ON now.delivered = given.commune
  LEFT JOIN (
    SELECT commune, CAST(arg_max(persons, vintage) AS BIGINT) AS persons
    FROM (SELECT commune, vintage, sum(persons) AS persons FROM gross_population GROUP BY ALL) GROUP BY commune
  ) AS people ON people.commune = given.commune
  WHERE now.commune IS NOT NULL
)
GROUP BY exposure, now_commune, first_day, last_day ORDER BY exposure, commune, first_day
