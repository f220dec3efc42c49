"""The words we judge in: reasons and providers, for those who show or document them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from bouncelens.classify.ruleset import load_rules
from bouncelens.parse.provider import providers

if TYPE_CHECKING:
    from bouncelens.classify.ruleset import Reason


@cache
def reasons() -> dict[str, Reason]:
    """Every reason by its name, in the order of reasons.toml."""
    return load_rules().reasons


def provider_names() -> dict[str, str]:
    """What people call each provider, by slug; `other` is who runs mailboxes of no known name."""
    return {provider.slug: provider.name for provider in providers()} | {"other": "Everybody else"}
