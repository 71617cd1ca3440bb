-- SPDX-License-Identifier: Apache-2.0
SELECT DISTINCT kind AS care_site_kind, facility AS care_site_source_value FROM collected_care_site ORDER BY ALL
