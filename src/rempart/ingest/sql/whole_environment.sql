-- SPDX-License-Identifier: Apache-2.0
-- Values by commune of one vintage. Where communes were merged: the mean weighted by their populations, if all of them are known.
SELECT exposure, now_commune AS commune, first_day, last_day, CAST(year(first_day) AS INTEGER) AS year, any_value(measured_in) AS measured_in,
  min(source) AS source,
  CASE WHEN bool_or(coalesce(persons, 0) = 0) THEN avg(value) ELSE sum(value * persons) / sum(persons) END AS value
FROM (
  SELECT given.exposure, given.first_day, given.last_day, given.value, given.measured_in, given.source, now.commune AS now_commune, people.persons
  FROM gross_environment AS given
  JOIN commune_now AS now ON now.delivered = given.commune
  LEFT JOIN (
    SELECT commune, arg_max(persons, vintage) AS persons
    FROM (SELECT commune, vintage, sum(persons) AS persons FROM gross_population GROUP BY ALL) GROUP BY commune
  ) AS people ON people.commune = given.commune
  WHERE now.commune IS NOT NULL
)
GROUP BY exposure, now_commune, first_day, last_day ORDER BY exposure, commune, first_day
