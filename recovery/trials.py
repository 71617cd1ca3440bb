# SPDX-License-Identifier: Apache-2.0
"""All trials by name."""

from collections.abc import Mapping

from recovery.lines import Trial
from recovery.trials_new_users import NEW_USERS

TRIALS: Mapping[str, Trial] = {trial.study: trial for trial in (*NEW_USERS,)}
