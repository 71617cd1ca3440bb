-- SPDX-License-Identifier: Apache-2.0
-- Consulted, not mapped: every line is read; those of direct billing mark their main line.
INSERT INTO snds_facility_lines
SELECT DISTINCT ${line_key}, ETE_IND_TAA FROM (${input}) AS line WHERE ETE_IND_TAA = '1';
INSERT INTO judged SELECT 'facility_lines', 0, count(*) FROM (${input}) AS line
