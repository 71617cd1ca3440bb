# SPDX-License-Identifier: Apache-2.0
"""All trials by name."""

from collections.abc import Mapping

from recovery.lines import Trial
from recovery.trials_births import BIRTHS
from recovery.trials_cases import CASES
from recovery.trials_dose import DOSES
from recovery.trials_ends import ENDS
from recovery.trials_in_time import IN_TIME
from recovery.trials_new_users import NEW_USERS
from recovery.trials_prevalent import PREVALENT
from recovery.trials_risks import RISKS
from recovery.trials_vaccines import VACCINES
from recovery.trials_whole import WHOLES

TRIALS: Mapping[str, Trial] = {
    trial.study: trial
    for trial in (*NEW_USERS, *IN_TIME, *VACCINES, *CASES, *PREVALENT, *BIRTHS, *DOSES, *RISKS, *ENDS, *WHOLES)
}
