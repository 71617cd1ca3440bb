-- SPDX-License-Identifier: Apache-2.0
INSERT INTO snds_facility_lines
SELECT DISTINCT ${line_key}, ETE_IND_TAA FROM (${input}) AS line WHERE ETE_IND_TAA = '1'
