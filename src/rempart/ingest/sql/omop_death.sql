-- SPDX-License-Identifier: Apache-2.0
SELECT person_no, NULL AS word, CAST(date_trunc('month', day) AS DATE) AS death_month,
  CASE told_by WHEN 'KI_CCI_R' THEN ${type_certificate} ELSE ${type_claim} END AS death_type_concept_id, 0 AS cause_concept_id,
  cause AS cause_source_value, causes AS associated_causes_source_value, told_by AS death_source_value, day AS death_date
FROM net_death
