-- SPDX-License-Identifier: Apache-2.0
-- Facility numbers met in one shard. That of a legal entity and that of a place are two kinds, never joined with one another; claims
-- write a place without its last figure.
SELECT DISTINCT kind, facility FROM (
  SELECT 'legal' AS kind, legal_facility AS facility FROM (SELECT DISTINCT legal_facility FROM gross_stay)
  UNION ALL
  SELECT 'geographic', place_facility FROM (SELECT DISTINCT place_facility FROM gross_stay)
  UNION ALL
  SELECT 'geographic', place_facility FROM (SELECT DISTINCT place_facility FROM gross_stay_fact)
  UNION ALL
  SELECT 'claims', facility FROM (SELECT DISTINCT facility FROM gross_claim)
  UNION ALL
  SELECT 'claims', prescribing_facility FROM (SELECT DISTINCT prescribing_facility FROM gross_claim)
) WHERE facility IS NOT NULL
