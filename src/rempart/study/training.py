# SPDX-License-Identifier: Apache-2.0
"""What training asks of the outside: a learner for trees, and a place for the models that are made. Writers of other designs ignore it."""

from dataclasses import dataclass, field

from rempart.errors import Unavailable
from rempart.ports.learner import Learner
from rempart.records.design_prediction import BOOSTING
from rempart.records.study import Study
from rempart.records.trained import TrainedModel

EXTRA = "ai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """``learner``: None where none is given; ``models``: filled as models are trained, in the order of the analyses."""

    learner: Learner | None = None
    models: list[TrainedModel] = field(default_factory=list)

    def learns(self) -> Learner:
        """The learner; raises Unavailable ``learner-missing``."""
        if self.learner is None:
            raise Unavailable("learner-missing", extra=EXTRA)
        return self.learner


def check_learner(study: Study, learner: Learner | None) -> None:
    """Raises Unavailable ``learner-missing`` before anything is read, where a study asks for trees and nothing grows them."""
    if any(BOOSTING in analysis.parameters.get("models", ()) for analysis in study.designs):
        Training(learner=learner).learns().check()
