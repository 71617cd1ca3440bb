-- SPDX-License-Identifier: Apache-2.0
-- Claim lines, each judged, then netted across all flows in the same pass: lines that no rule drops are summed by person, day of care, code (nature,
-- where a line has no detail), prescriber and dispenser; lines that one drops are counted by the rules that they meet.
-- Sums of ten-thousandths are sums of whole numbers: the order of lines cannot change them.
CREATE OR REPLACE TABLE net_claim AS
SELECT word, hits, CASE WHEN hits = 0 THEN person_no END AS person_no, CASE WHEN hits = 0 THEN care END AS care,
  CASE WHEN hits = 0 AND word <> 'claims' THEN code END AS code, CASE WHEN word = 'claims' AND (hits = 0 OR hits & ${bit_M1} <> 0) THEN nature END AS nature,
  CASE WHEN hits = 0 AND word <> 'claims' THEN prescribing END AS prescribing, CASE WHEN hits = 0 THEN executing END AS executing,
  CASE WHEN hits = 0 AND word = 'claim_acts' THEN activity END AS activity,
  CASE WHEN hits = 0 AND word IN ('drugs', 'hospital_drugs') THEN phase END AS phase,
  sum(CAST(round(quantity * 10000) AS BIGINT)) / 10000.0 AS quantity, sum(CAST(round(paid * 10000) AS BIGINT)) / 10000.0 AS paid,
  sum(CAST(round(reimbursed * 10000) AS BIGINT)) / 10000.0 AS reimbursed, min(prescribed) AS prescribed, max(care_end) AS care_end,
  min(facility) AS facility, count(*) FILTER (WHERE lead) AS leads, count(*) FILTER (WHERE CASE WHEN word = 'claims' THEN lead ELSE detail END) AS lines
FROM (
  SELECT line.* EXCLUDE (hits, kind), known.person_no,
    CASE line.kind WHEN 'line' THEN 'claims' WHEN 'drug' THEN 'drugs' WHEN 'hospital_drug' THEN 'hospital_drugs' WHEN 'act' THEN 'claim_acts'
      WHEN 'lab' THEN 'labs' ELSE 'devices' END AS word,
    (line.hits | CASE WHEN known.holders > 1 THEN ${bit_R3} WHEN known.person_no IS NULL THEN ${bit_R1} WHEN line.care < known.not_before THEN ${bit_X1}
        WHEN line.care > known.not_after THEN ${bit_X2} ELSE 0 END
      | CASE WHEN line.kind = 'line' AND coalesce(line.nature, '') NOT IN (${visit_natures}) THEN ${bit_M1} ELSE 0 END) & ${mask} AS hits
  FROM gross_claim AS line LEFT JOIN known_card AS known ON known.card = line.card
  WHERE coalesce(known.person_no, 0) % ${passes} = ${pass}
) GROUP BY ALL;
-- One activity of an act counts: the surgeon's, not the anaesthetist's beside.
CREATE OR REPLACE TABLE net_act AS
SELECT *, activity IS DISTINCT FROM min(activity) OVER (PARTITION BY person_no, care, code) AS further
FROM net_claim WHERE word = 'claim_acts' AND hits = 0 AND quantity > 0
