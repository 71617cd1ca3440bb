-- SPDX-License-Identifier: Apache-2.0
-- A person's mean over the days of a year that were observed, spent where a value is known; those days are counted beside.
SELECT person_no, NULL AS word, ${base} + row_number() OVER () AS external_exposure_id, first_day AS exposure_start_date, last_day AS exposure_end_date,
  exposure AS exposure_source_value, 0 AS exposure_concept_id, value AS value_as_number, measured_in AS unit_source_value,
  CAST(coalesce(known_days, 0) AS INTEGER) AS days_known, CAST(last_day - first_day + 1 AS INTEGER) AS days_observed, nullif(${vintage}, 0) AS commune_vintage
FROM (
  SELECT seen.person_no, seen.year, seen.first_day, seen.last_day, kinds.exposure, kinds.measured_in
  FROM (
    SELECT person_no, year, greatest(first_day, make_date(year, 1, 1)) AS first_day, least(last_day, make_date(year, 12, 31)) AS last_day
    FROM (SELECT *, unnest(range(year(first_day), year(last_day) + 1)) AS year FROM context_observed)
  ) AS seen JOIN environment_kind AS kinds ON seen.year BETWEEN kinds.first_year AND kinds.last_year
) AS wanted
LEFT JOIN (
  -- Sums of whole millionths do not depend on their order.
  SELECT person_no, exposure, year, sum(CAST(round(value * 1000000) AS HUGEINT) * days) / (1000000.0 * sum(days)) AS value, sum(days) AS known_days
  FROM (
    SELECT home.person_no, there.exposure, there.year, there.value,
      least(home.last_day, there.last_day) - greatest(home.first_day, there.first_day) + 1 AS days
    FROM context_residence AS home
    JOIN environment_value AS there ON there.commune = home.commune AND there.first_day <= home.last_day AND there.last_day >= home.first_day
  ) GROUP BY person_no, exposure, year
) AS lived USING (person_no, exposure, year)
