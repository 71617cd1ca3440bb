-- SPDX-License-Identifier: Apache-2.0
-- What the claims of a person say month by month, and its first and last contacts; then runs of schemes and of communes.
-- A run in fewer months than the rule asks for that is followed by a return is taken for a mistake of lines.
CREATE OR REPLACE TABLE context_month AS
SELECT known.person_no, line.care_month, ${claim_scheme} AS scheme, line.commune, min(line.first_day) AS first_day, max(line.last_day) AS last_day,
  sum(line.lines) AS lines
FROM (
  SELECT card, date_trunc('month', care) AS care_month, scheme, commune, min(care) AS first_day, max(care) AS last_day, count(*) AS lines
  FROM gross_claim WHERE lead AND care IS NOT NULL AND hits & ${mask_claims} = 0 GROUP BY ALL
) AS line
JOIN card_person AS known ON known.card = line.card SEMI JOIN net_person ON net_person.person_no = known.person_no GROUP BY ALL;
CREATE OR REPLACE TABLE context_contact AS
SELECT person_no, min(first_day) AS first_day, max(last_day) AS last_day FROM (
  SELECT person_no, first_day, last_day FROM context_month
  UNION ALL SELECT person_no, entry, leaving FROM net_stay WHERE hits = 0
  UNION ALL SELECT person_no, day, day FROM net_dose WHERE hits = 0
) GROUP BY person_no;
CREATE OR REPLACE TABLE context_value AS
SELECT 'scheme' AS what, person_no, care_month, scheme AS value, min(first_day) AS first_day, max(last_day) AS last_day, sum(lines) AS lines
FROM context_month WHERE scheme <> 'unknown' GROUP BY ALL
UNION ALL
SELECT 'commune', person_no, care_month, commune, min(first_day), max(last_day), sum(lines) FROM context_month WHERE commune IS NOT NULL GROUP BY ALL;
CREATE OR REPLACE TABLE context_mover AS
SELECT what, person_no FROM context_value GROUP BY ALL HAVING min(value) <> max(value);
CREATE OR REPLACE TABLE context_run AS
WITH best AS (
  SELECT * FROM context_value SEMI JOIN context_mover USING (what, person_no)
  QUALIFY row_number() OVER (PARTITION BY what, person_no, care_month ORDER BY lines DESC, value) = 1
), numbered AS (
  SELECT *, sum(change) OVER (PARTITION BY what, person_no ORDER BY care_month) AS run FROM (
    SELECT *, CAST(value IS DISTINCT FROM lag(value) OVER (PARTITION BY what, person_no ORDER BY care_month) AS INTEGER) AS change FROM best)
), runs AS (
  SELECT what, person_no, run, any_value(value) AS value, min(first_day) AS first_day, max(last_day) AS last_day, count(*) AS months
  FROM numbered GROUP BY what, person_no, run
), kept AS (
  SELECT * FROM runs WINDOW turn AS (PARTITION BY what, person_no ORDER BY run)
  QUALIFY NOT (months < ${least_months_seen} AND coalesce(lag(value) OVER turn = lead(value) OVER turn, FALSE))
), joined AS (
  SELECT *, sum(change) OVER (PARTITION BY what, person_no ORDER BY run) AS spell FROM (
    SELECT *, CAST(value IS DISTINCT FROM lag(value) OVER (PARTITION BY what, person_no ORDER BY run) AS INTEGER) AS change FROM kept)
)
SELECT what, person_no, any_value(value) AS value, min(first_day) AS first_day, max(last_day) AS last_day FROM joined GROUP BY what, person_no, spell
UNION ALL
SELECT what, person_no, any_value(value), min(first_day), max(last_day) FROM context_value ANTI JOIN context_mover USING (what, person_no)
GROUP BY what, person_no;
-- The register's latest address and scheme: alone where no claim says any; after the last claim where it was written later.
INSERT INTO context_run
SELECT card.what, card.person_no, card.value, CASE WHEN seen.last_day IS NOT NULL THEN card.updated END, card.updated
FROM (
  SELECT 'commune' AS what, person_no, commune AS value, updated FROM net_person WHERE commune IS NOT NULL
  UNION ALL SELECT 'scheme', person_no, ${card_scheme}, updated FROM net_person WHERE ${card_scheme} <> 'unknown'
) AS card
LEFT JOIN (SELECT what, person_no, max(last_day) AS last_day, arg_max(value, first_day) AS value FROM context_run GROUP BY what, person_no) AS seen
  ON seen.what = card.what AND seen.person_no = card.person_no
WHERE seen.person_no IS NULL OR card.value <> seen.value AND card.updated > seen.last_day;
DROP TABLE context_value;
DROP TABLE context_mover;
DROP TABLE context_month
