"""`explain ADDRESS`: one address on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bouncelens.show.cli.screen import print_card, print_json, print_table, settings_of

if TYPE_CHECKING:
    from pathlib import Path

    from bouncelens.service.address import Explained


def print_address(address: str, *, as_json: bool, config: Path | None) -> None:
    """All about an address. Raises InputInvalid when nothing is known of it."""
    from bouncelens.service.address import explain_address
    from bouncelens.service.workspace import Workspace

    with Workspace.open(settings_of(config), create=False) as workspace:
        found = explain_address(workspace, address)
    if as_json:
        print_json(found)
        return
    for one in found:
        incidents = ", ".join(str(number) for number in one.incidents)
        print_card(
            f"{one.address or address} · account {one.account} · {one.subscriber_key}",
            [
                *([("Provider", _provider(one))] if one.provider or one.mx_host else []),
                ("Marketing Cloud", one.sfmc_status or "not known"),
                ("because", one.sfmc_why),
                ("Suppressed", {"active": "yes", "none": "no"}.get(one.state, one.state)),
                ("by the policy", one.why),
                *([("Incidents", incidents)] if incidents else []),
            ],
        )
        print_table(
            "What happened (UTC)",
            (("at", False), ("what", False), ("told", False)),
            [(f"{m.at:%Y-%m-%d %H:%M}", m.event, m.told) for m in one.timeline],
        )


def _provider(one: Explained) -> str:
    host = f", by its MX {one.mx_host}" if one.mx_host else ""
    return f"{one.provider_name or one.provider or 'not known'}{host}"
