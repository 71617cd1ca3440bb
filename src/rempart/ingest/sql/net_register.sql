-- SPDX-License-Identifier: Apache-2.0
-- Long-term conditions, doses and certificates, each fact once; then each person's death from three sources: register, certificate, last stay.
CREATE OR REPLACE TABLE net_condition AS
SELECT hits, CASE WHEN hits = 0 THEN person_no END AS person_no, CASE WHEN hits = 0 THEN code END AS code,
  CASE WHEN hits = 0 THEN first_day END AS first_day, CASE WHEN NOT bool_or(last_day IS NULL) THEN max(last_day) END AS last_day,
  arg_max(number, (inserted, number)) FILTER (hits = 0 AND number IS NOT NULL) AS number, count(*) AS lines
FROM (
  SELECT line.code, line.first_day, line.last_day, CAST(TRY_CAST(line.number AS INTEGER) AS VARCHAR) AS number,
    coalesce(line.inserted, DATE '0001-01-01') AS inserted, known.person_no,
    (line.hits | CASE WHEN known.person_no IS NULL THEN ${bit_R1} ELSE 0 END) & ${mask} AS hits
  FROM gross_condition AS line LEFT JOIN known_card AS known ON known.card = line.card
  WHERE coalesce(known.person_no, 0) % ${passes} = ${pass}
) GROUP BY ALL;
-- The number of a long-term condition is often 0 or wrong: told anew by the longest code of IR_CIM_V that the diagnosis begins with (A1).
CREATE OR REPLACE TABLE net_condition_number AS
SELECT seen.code, CAST(arg_max(told.ald, length(told.code)) AS VARCHAR) AS number
FROM (SELECT code, unnest(range(3, length(code) + 1)) AS size FROM (SELECT DISTINCT code FROM net_condition WHERE code IS NOT NULL)) AS seen
JOIN long_term_code AS told ON told.code = left(seen.code, seen.size) GROUP BY seen.code;
CREATE OR REPLACE TABLE net_dose AS
SELECT hits, CASE WHEN hits = 0 THEN person_no END AS person_no, CASE WHEN hits = 0 THEN day END AS day, CASE WHEN hits = 0 THEN code END AS code,
  min(rank) AS rank, count(*) AS lines
FROM (
  SELECT line.day, line.code, line.rank, known.person_no,
    (line.hits | CASE WHEN known.person_no IS NULL THEN ${bit_R1} ELSE 0 END) & ${mask} AS hits
  FROM gross_dose AS line LEFT JOIN known_card AS known ON known.card = line.card
  WHERE coalesce(known.person_no, 0) % ${passes} = ${pass}
) GROUP BY ALL;
CREATE OR REPLACE TABLE net_maternity AS
SELECT hits, CASE WHEN hits = 0 THEN person_no END AS person_no, CASE WHEN hits = 0 THEN conceived END AS conceived, count(*) AS lines
FROM (
  SELECT line.conceived, known.person_no, (line.hits | CASE WHEN known.person_no IS NULL THEN ${bit_R1} ELSE 0 END) & ${mask} AS hits
  FROM gross_maternity AS line LEFT JOIN known_card AS known ON known.card = line.card
  WHERE coalesce(known.person_no, 0) % ${passes} = ${pass}
) GROUP BY ALL;
CREATE OR REPLACE TABLE net_home AS
SELECT hits, CASE WHEN hits = 0 THEN (person_no, facility, kind, first_day, last_day) END AS spell, count(*) AS lines
FROM (
  SELECT line.facility, line.kind, line.first_day, line.last_day, known.person_no,
    (line.hits | CASE WHEN known.person_no IS NULL THEN ${bit_R1} ELSE 0 END) & ${mask} AS hits
  FROM gross_home AS line LEFT JOIN known_card AS known ON known.card = line.card
  WHERE coalesce(known.person_no, 0) % ${passes} = ${pass}
) GROUP BY ALL;
CREATE OR REPLACE TABLE net_certificate AS
SELECT * EXCLUDE (own_hits), own_hits | CASE WHEN own_hits = 0 AND row_number() OVER (
    PARTITION BY person_no, own_hits, kind ORDER BY died NULLS LAST, code NULLS LAST, certificate) > 1 AND kind = 'certificate' THEN ${bit_K2} ELSE 0 END AS hits
FROM (
  SELECT line.kind, line.died, line.code, line.line, line.rank, line.certificate, known.person_no,
    (line.hits | CASE WHEN known.person_no IS NULL THEN ${bit_R1} WHEN known.holders > 1 THEN ${bit_R3} ELSE 0 END) & ${mask} AS own_hits
  FROM gross_death AS line LEFT JOIN key_person AS known ON known.person = line.person
  WHERE coalesce(known.person_no, 0) % ${passes} = ${pass}
);
CREATE OR REPLACE TABLE net_death AS
SELECT person.person_no, person.died AS registered, cause.died AS certified, stay.leaving AS left_dead, cause.certificate, cause.code AS cause,
  others.codes AS causes, coalesce(person.died, cause.died, stay.leaving) AS day,
  CASE WHEN person.died IS NOT NULL THEN 'IR_BEN_R' WHEN cause.died IS NOT NULL THEN 'KI_CCI_R' ELSE stay.field END AS told_by
FROM net_person AS person
LEFT JOIN (SELECT * FROM net_certificate WHERE kind = 'certificate' AND hits = 0) AS cause ON cause.person_no = person.person_no
LEFT JOIN (
  SELECT certificate, string_agg(code, ' ' ORDER BY line, rank, code) AS codes FROM net_certificate WHERE kind = 'cause' AND hits = 0 GROUP BY certificate
) AS others ON others.certificate = cause.certificate
LEFT JOIN (
  SELECT person_no, max(leaving) AS leaving, upper(arg_max(field, (leaving, field))) AS field FROM net_stay WHERE hits = 0 AND exit_mode = '${exit_by_death}' GROUP BY person_no
) AS stay ON stay.person_no = person.person_no
WHERE coalesce(person.died, cause.died, stay.leaving) IS NOT NULL
