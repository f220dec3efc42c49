"""bouncelens: every bounce out of Marketing Cloud, judged, explained and decided on.

from bouncelens import classify
classify("550 5.1.1 User unknown").reason  # 'unknown_user'
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bouncelens.bounce import Hardness, Verdict
    from bouncelens.service.answer import Answer, NamedFacts
    from bouncelens.service.api import classify

__all__ = ["Answer", "Hardness", "NamedFacts", "Verdict", "__version__", "classify"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The public names, each loaded when first asked for: start-up stays cheap."""
    if name == "classify":
        from bouncelens.service.api import classify

        return classify
    if name in ("Hardness", "Verdict"):
        from bouncelens import bounce

        return getattr(bounce, name)
    if name in ("Answer", "NamedFacts"):
        from bouncelens.service import answer

        return getattr(answer, name)
    raise AttributeError(f"module 'bouncelens' has no attribute {name!r}")


class _Package(ModuleType):
    """Importing the room `bouncelens.classify` must not hide the function of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "classify" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
