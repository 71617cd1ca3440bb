-- SPDX-License-Identifier: Apache-2.0
-- Associated diagnoses and acts of stays: they meet the rules of their stay; the same diagnosis in a stay, and further activities of an act, count once.
CREATE TABLE snds_stay_diagnoses AS
SELECT stay.stay, stay.person_no, stay.entry, stay.leaving, detail.code, detail.hits | coalesce(stay.hits, ${bit_J1})
  | CASE WHEN detail.turn > 1 THEN ${bit_K2} ELSE 0 END AS hits
FROM (SELECT *, row_number() OVER (PARTITION BY stay, code) AS turn FROM snds_diagnoses) AS detail
LEFT JOIN (SELECT * FROM snds_joined_stays WHERE recorded) AS stay ON stay.stay = detail.stay;
CREATE TABLE snds_stay_acts AS
SELECT stay.stay, stay.person_no, stay.entry + detail.delay AS day, detail.delay, detail.code, detail.quantity,
  detail.hits | coalesce(stay.hits, ${bit_J1}) | CASE WHEN detail.turn > 1 THEN ${bit_P10} ELSE 0 END AS hits
FROM (
  SELECT *, row_number() OVER (PARTITION BY stay, code, delay, hits <> 0 ORDER BY activity NULLS LAST, quantity DESC NULLS LAST) AS turn FROM snds_acts
) AS detail
LEFT JOIN (SELECT * FROM snds_joined_stays WHERE recorded) AS stay ON stay.stay = detail.stay;
INSERT INTO judged SELECT 'diagnoses', hits, count(*) FROM snds_stay_diagnoses GROUP BY hits;
INSERT INTO judged SELECT 'acts', hits, count(*) FROM snds_stay_acts GROUP BY hits;
DROP TABLE snds_diagnoses;
DROP TABLE snds_acts
