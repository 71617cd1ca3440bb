-- SPDX-License-Identifier: Apache-2.0
SELECT person_no, NULL AS word, ${base} + row_number() OVER () AS location_history_id, first_day AS location_history_start_date,
  last_day AS location_history_end_date,
  CASE WHEN left(place, 2) IN (${overseas}) THEN left(place, 3) ELSE '0' || left(place, 2) END AS department_source_value,
  commune AS commune_source_value, delivered AS commune_delivered_value, how AS commune_conversion,
  CASE WHEN commune IS NOT NULL THEN nullif(${vintage}, 0) END AS commune_vintage
FROM (SELECT *, coalesce(commune, delivered) AS place FROM context_residence)
