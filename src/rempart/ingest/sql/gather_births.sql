-- SPDX-License-Identifier: Apache-2.0
-- The birth stays of one shard, narrow: a child and its mother mostly lie in different shards. A stay is told by 64 bits of MD5: the engine's own
-- hash gives two stays of one facility the same value, year and number apart by one digit each. Rule R2 (a shared pseudonym) is not applied:
-- twins of one sex share one, and both were born.
SELECT md5_number_lower(stay) AS stay, psa AS child, mother, birth, legal_facility AS facility, entry, sex, weight, gestation
FROM gross_stay
WHERE field = 'mco' AND has_stay AND has_chain AND hits & ${mask} = 0 AND grouped LIKE '${birth_group}%' AND age_days = 0
  AND entry_mode = '${birth_entry_mode}' AND (weight >= ${least_weight} OR gestation >= ${least_gestation})
QUALIFY row_number() OVER (PARTITION BY stay ORDER BY unit DESC, flow DESC) = 1
