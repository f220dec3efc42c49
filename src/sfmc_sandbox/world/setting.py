"""Everything that is settled before the first message is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sfmc_sandbox.world.domains import Domains
    from sfmc_sandbox.world.people import People
    from sfmc_sandbox.world.plan import Plan
    from sfmc_sandbox.world.stories import Story


@dataclass(frozen=True, slots=True)
class Setting:
    """The stage on which a world's year is played."""

    plan: Plan
    domains: Domains
    people: People
    tales: tuple[Story, ...]

    @property
    def families(self) -> NDArray[np.int16]:
        """Per subscriber, who runs the mailbox: an index into the domains' families."""
        return self.domains.family[self.people.domain]
