# SPDX-License-Identifier: Apache-2.0
"""What designs that make more than tables ask of the outside: a learner of trees, drawn numbers, and a place for what is made."""

from collections.abc import Callable
from dataclasses import dataclass, field

from rempart.errors import Unavailable
from rempart.ports.learner import Learner
from rempart.records.design_prediction import BOOSTING
from rempart.records.study import Study
from rempart.records.trained import TrainedModel

EXTRA = "ai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """``learner``: None where none is given; ``models``: filled as models are trained, in the order of the analyses; ``random``: so many
    random bytes, None where no sequences are to be made; ``sequences``: analysis → path → bytes of each file of its data set."""

    learner: Learner | None = None
    models: list[TrainedModel] = field(default_factory=list)
    random: Callable[[int], bytes] | None = None
    sequences: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def learns(self) -> Learner:
        """The learner; raises Unavailable ``learner-missing``."""
        if self.learner is None:
            raise Unavailable("learner-missing", extra=EXTRA)
        return self.learner


def check_learner(study: Study, learner: Learner | None) -> None:
    """Raises Unavailable ``learner-missing`` before anything is read, where a study asks for trees and nothing grows them."""
    if any(BOOSTING in analysis.parameters.get("models", ()) for analysis in study.designs):
        Training(learner=learner).learns().check()
