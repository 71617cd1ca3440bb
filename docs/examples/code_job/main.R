# SPDX-License-Identifier: Apache-2.0
# Persons by sex and year of their first dispensing. Runs in the sandbox: reads /in, writes where it begins.
least <- 11
person <- read.csv("/in/person.csv")
taken <- read.csv("/in/drug_exposure.csv")
taken$year <- as.integer(substr(taken$drug_exposure_start_date, 1, 4))
first <- aggregate(year ~ person_id, data = taken, FUN = min)
both <- merge(first, person, by = "person_id")
counts <- as.data.frame(table(sex = both$gender_concept_id, year = both$year), responseName = "persons")
counts <- counts[counts$persons >= least, ]
counts <- counts[order(as.integer(as.character(counts$sex)), counts$year), ]
write.csv(counts, "first_years.csv", row.names = FALSE, quote = FALSE)
