-- SPDX-License-Identifier: Apache-2.0
-- Deliveries: a delivery act or Z3900, and an outcome of delivery (Z37). The beginning from the claims or the register of maternity when it
-- fits, else from the gestational age, else from the outcome's usual length.
CREATE OR REPLACE TABLE context_delivery AS
SELECT stay.person_no, stay.stay, stay.visit_no, stay.entry, stay.leaving, stay.legal_facility, stay.gestation, told.outcome,
  coalesce(act.day, stay.entry) AS day, whose.psa, whose.birth
FROM net_stay AS stay
JOIN (SELECT visit_no, min(code) AS outcome FROM net_fact WHERE hits = 0 AND kind = 'diagnosis' AND code LIKE '${outcome_code}%' GROUP BY visit_no) AS told USING (visit_no)
LEFT JOIN (SELECT visit_no, min(day) AS day FROM net_fact WHERE hits = 0 AND kind = 'act' AND code IN (${delivery_acts}) GROUP BY visit_no) AS act USING (visit_no)
LEFT JOIN (SELECT DISTINCT visit_no FROM net_fact WHERE hits = 0 AND kind = 'diagnosis' AND code = '${delivery_code}') AS told_so USING (visit_no)
LEFT JOIN (SELECT stay, any_value(psa) AS psa, any_value(birth) AS birth FROM gross_stay WHERE field = 'mco' GROUP BY stay) AS whose ON whose.stay = stay.stay
WHERE stay.hits = 0 AND stay.field = 'mco'
  AND (act.visit_no IS NOT NULL OR told_so.visit_no IS NOT NULL OR stay.principal = '${delivery_code}' OR stay.related = '${delivery_code}');
CREATE OR REPLACE TABLE context_conceived AS
SELECT DISTINCT known.person_no, line.conceived, line.told_by FROM (
  SELECT card, conceived, 'claim' AS told_by FROM gross_claim WHERE conceived IS NOT NULL AND hits & ${mask_claims} = 0
  UNION ALL SELECT card, conceived, 'register' FROM gross_maternity WHERE conceived IS NOT NULL
) AS line JOIN card_person AS known ON known.card = line.card;
CREATE OR REPLACE TABLE context_pregnancy AS
SELECT * FROM (
  SELECT delivery.*, known.conceived, known.told_by, usual.days AS usual_days, usual.live_births, usual.stillbirths
  FROM context_delivery AS delivery
  LEFT JOIN delivery_outcome AS usual ON usual.code = delivery.outcome
  LEFT JOIN context_conceived AS known ON known.person_no = delivery.person_no
    AND delivery.day - known.conceived BETWEEN ${least_pregnancy} AND ${most_pregnancy}
) QUALIFY row_number() OVER (PARTITION BY visit_no ORDER BY told_by DESC NULLS LAST, conceived) = 1;
CREATE OR REPLACE TABLE context_mother_child AS
SELECT delivery.person_no, delivery.visit_no, delivery.day, born.* FROM context_delivery AS delivery
JOIN (
  SELECT visit_no, stay AS birth_stay, entry AS birth_day, sex, weight, gestation, child_pseudonym, child_persons, way FROM (
    SELECT found.visit_no, birth.*, 'key' AS way, 0 AS rank FROM context_delivery AS found JOIN context_birth AS birth ON birth.birth = found.birth
    UNION ALL
    SELECT found.visit_no, birth.*, CASE WHEN abs(birth.entry - found.entry) <= 1 THEN 'entry' ELSE 'stay' END, abs(birth.entry - found.entry) + 1
    FROM context_delivery AS found JOIN context_birth AS birth ON birth.mother = found.psa AND birth.facility = found.legal_facility
      AND birth.entry BETWEEN found.entry - 1 AND greatest(found.leaving, found.entry + 1)
  ) QUALIFY row_number() OVER (PARTITION BY stay ORDER BY rank, visit_no) = 1
) AS born ON born.visit_no = delivery.visit_no;
DROP TABLE context_conceived
