-- SPDX-License-Identifier: Apache-2.0
-- What reached the research tables, counted there: the other side of every balance.
INSERT INTO kept SELECT CASE WHEN archived THEN 'archived_beneficiaries' ELSE 'beneficiaries' END, count(*) FROM snds_cards GROUP BY ALL;
INSERT INTO kept SELECT 'drugs', count(*) FROM research_drug_exposure;
INSERT INTO kept SELECT 'claims', count(*) FROM research_visit_occurrence WHERE visit_source_value LIKE 'DCIR %';
INSERT INTO kept SELECT 'stays', count(*) FROM research_visit_occurrence WHERE visit_source_value LIKE 'MCO %';
INSERT INTO kept SELECT 'chaining', count(*) FROM research_visit_occurrence WHERE visit_source_value LIKE 'MCO %';
INSERT INTO kept SELECT 'diagnoses', count(*) FROM research_condition_occurrence WHERE condition_status_source_value = 'DAS';
INSERT INTO kept SELECT 'conditions', count(*) FROM research_condition_occurrence WHERE condition_status_source_value = 'ALD';
INSERT INTO kept SELECT 'acts', count(*) FROM research_procedure_occurrence;
INSERT INTO kept SELECT 'certificates', count(*) FROM snds_deaths WHERE certificate IS NOT NULL
