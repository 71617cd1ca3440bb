-- SPDX-License-Identifier: Apache-2.0
-- Long-term conditions and certificates, each fact once; then each person's death from three sources: register, certificate, last stay.
CREATE TABLE snds_spells AS
SELECT * EXCLUDE (hits, turn), hits | CASE WHEN turn > 1 THEN ${bit_K2} ELSE 0 END AS hits
FROM (
  SELECT *, row_number() OVER (PARTITION BY person_no, code, first_day, hits <> 0 ORDER BY last_day DESC NULLS FIRST) AS turn FROM snds_conditions
);
CREATE TABLE snds_causes AS
SELECT * EXCLUDE (hits, turn), hits | CASE WHEN turn > 1 THEN ${bit_K2} ELSE 0 END AS hits
FROM (SELECT *, row_number() OVER (PARTITION BY person_no, hits <> 0 ORDER BY died NULLS LAST, certificate) AS turn FROM snds_certificates);
INSERT INTO judged SELECT 'conditions', hits, count(*) FROM snds_spells GROUP BY hits;
INSERT INTO judged SELECT 'certificates', hits, count(*) FROM snds_causes GROUP BY hits;
CREATE TABLE snds_deaths AS
SELECT person.person_no, person.died AS registered, cause.died AS certified, stay.leaving AS left_dead,
  cause.certificate, cause.cause, coalesce(person.died, cause.died, stay.leaving) AS day,
  CASE WHEN person.died IS NOT NULL THEN 'IR_BEN_R' WHEN cause.died IS NOT NULL THEN 'KI_CCI_R' ELSE 'MCO' END AS told_by
FROM snds_persons AS person
LEFT JOIN (SELECT * FROM snds_causes WHERE hits = 0) AS cause USING (person_no)
LEFT JOIN (
  SELECT person_no, max(leaving) AS leaving FROM snds_joined_stays WHERE hits = 0 AND exit_mode = '${exit_by_death}' GROUP BY person_no
) AS stay USING (person_no)
WHERE coalesce(person.died, cause.died, stay.leaving) IS NOT NULL;
DROP TABLE snds_conditions;
DROP TABLE snds_certificates
