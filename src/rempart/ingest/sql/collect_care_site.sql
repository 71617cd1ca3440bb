-- SPDX-License-Identifier: Apache-2.0
-- Facility numbers met in one shard. That of a legal entity and that of a place are two kinds, never joined with one another; claims
-- write a place without its last figure.
SELECT 'legal' AS kind, legal_facility AS facility FROM gross_stay WHERE legal_facility IS NOT NULL
UNION
SELECT 'geographic', place_facility FROM gross_stay WHERE place_facility IS NOT NULL
UNION
SELECT 'geographic', place_facility FROM gross_stay_fact WHERE place_facility IS NOT NULL
UNION
SELECT 'claims', facility FROM gross_claim WHERE facility IS NOT NULL
UNION
SELECT 'claims', prescribing_facility FROM gross_claim WHERE prescribing_facility IS NOT NULL
