-- SPDX-License-Identifier: Apache-2.0
-- A stay meets the rules of its record and of its chaining line; what happened in it meets the rules of its stay.
-- An ambulatory act of psychiatry is a stay of its own that shares a chaining line with others.
CREATE OR REPLACE TABLE net_stay AS
SELECT * EXCLUDE (all_hits), ${base} + 2 * row_number() OVER () AS visit_no, all_hits & ${mask} AS hits
FROM (
  SELECT line.* EXCLUDE (hits, leaving, psa, mother, birth), coalesce(line.leaving, line.entry) AS leaving, known.person_no,
    line.hits
      | CASE WHEN line.has_chain AND known.psa IS NULL THEN ${bit_R1} ELSE 0 END
      | CASE WHEN known.persons > 1 THEN ${bit_R2} WHEN line.entry < known.not_before THEN ${bit_X1} WHEN line.entry > known.not_after THEN ${bit_X2} ELSE 0 END
      | CASE WHEN line.leaving < line.entry THEN ${bit_X3} ELSE 0 END
      | CASE WHEN line.has_stay AND line.has_chain THEN 0 ELSE ${bit_J2} END AS all_hits
  FROM gross_stay AS line LEFT JOIN known_psa AS known ON known.psa = line.psa
  WHERE coalesce(known.person_no, 0) % ${passes} = ${pass}
);
CREATE OR REPLACE TABLE net_fact AS
SELECT word, field, kind, hits, status, CASE WHEN hits = 0 THEN visit_no END AS visit_no, CASE WHEN hits = 0 THEN code END AS code,
  CASE WHEN hits = 0 AND kind <> 'diagnosis' THEN delay END AS delay, CASE WHEN hits = 0 AND kind = 'act' THEN activity END AS activity,
  CASE WHEN hits = 0 AND kind IN ('ward', 'week') THEN duration END AS duration, CASE WHEN hits = 0 AND kind IN ('ward', 'week') THEN ward END AS ward,
  CASE WHEN hits = 0 AND kind IN ('ward', 'week') THEN place_facility END AS place_facility,
  kind IN ('drug', 'device', 'lab', 'service') AS summed, min(person_no) AS person_no, min(entry) AS entry, min(leaving) AS leaving, min(day) AS day,
  max(quantity) AS most, sum(CAST(round(quantity * 10000) AS BIGINT)) / 10000.0 AS quantity,
  sum(CAST(round(paid * 10000) AS BIGINT)) / 10000.0 AS paid, count(*) AS lines
FROM (
  SELECT fact.word, fact.field, fact.kind, fact.status, fact.code, coalesce(fact.delay, CAST(fact.day - stay.entry AS INTEGER), 0) AS delay,
    coalesce(fact.day, stay.entry + fact.delay, stay.entry) AS day, fact.duration,
    CASE WHEN fact.kind IN ('drug', 'device', 'lab', 'service') THEN coalesce(fact.quantity, 1) ELSE fact.quantity END AS quantity, fact.paid, fact.activity,
    fact.ward, fact.place_facility, stay.visit_no, stay.person_no, stay.entry, stay.leaving,
    (fact.hits | coalesce(stay.hits, ${bit_J1})) & ${mask} AS hits
  FROM gross_stay_fact AS fact
  LEFT JOIN (
    SELECT stay, visit_no, person_no, entry, leaving, hits FROM net_stay WHERE has_stay AND hits & ${bit_K1} = 0
  ) AS stay ON stay.stay = fact.stay
  WHERE ${fact_in_pass}
) GROUP BY ALL;
CREATE OR REPLACE TABLE net_stay_act AS
SELECT *, activity IS DISTINCT FROM min(activity) OVER (PARTITION BY visit_no, code, delay) AS further FROM net_fact WHERE kind = 'act' AND hits = 0
