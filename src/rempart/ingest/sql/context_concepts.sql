-- SPDX-License-Identifier: Apache-2.0
-- Concepts of source codes, from the operator's vocabulary or of our own.
UPDATE research_condition_occurrence AS event SET condition_concept_id = known.concept_id, condition_source_concept_id = known.source_concept_id
FROM concept_map AS known WHERE known.system = event.condition_source_vocabulary AND known.code = event.condition_source_value;
UPDATE research_procedure_occurrence AS event SET procedure_concept_id = known.concept_id, procedure_source_concept_id = known.source_concept_id
FROM concept_map AS known WHERE known.system = event.procedure_source_vocabulary AND known.code = event.procedure_source_value;
UPDATE research_drug_exposure AS event SET drug_concept_id = known.concept_id, drug_source_concept_id = known.source_concept_id
FROM concept_map AS known WHERE known.system = event.drug_source_vocabulary AND known.code = event.drug_source_value;
UPDATE research_measurement AS event SET measurement_concept_id = known.concept_id, measurement_source_concept_id = known.source_concept_id
FROM concept_map AS known WHERE known.system = event.measurement_source_vocabulary AND known.code = event.measurement_source_value;
UPDATE research_device_exposure AS event SET device_concept_id = known.concept_id, device_source_concept_id = known.source_concept_id
FROM concept_map AS known WHERE known.system = event.device_source_vocabulary AND known.code = event.device_source_value
