"""All that the rules ask, in one object."""

from eigv.config.experiment import Config
from eigv.plan.data import Data
from eigv.plan.decides import Decides
from eigv.plan.paths import Paths
from eigv.plan.runs import Runs
from eigv.plan.targets import Targets


class Plan:
    """What the rules ask, for one configuration. Questions about something that it does not have, or for which files
    are missing, are answered with a `UserError`."""

    def __init__(self, config: Config, ask_hub: bool = True) -> None:
        """Of one configuration; nothing is looked up before it is asked.

        With `ask_hub` the model hub must be within reach, where the text encoder is not in the local cache.
        """
        self.config = config
        self.paths = Paths.of(config)
        self.data = Data(config, self.paths, ask_hub)
        self.decides = Decides(config)
        self.runs = Runs(config, self.paths, ask_hub)
        self.targets = Targets(config, self.paths, self.runs)
