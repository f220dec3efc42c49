"""The sandbox's page: its tenant, its switches, its log of requests. Everything is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from sfmc_sandbox.wire.trouble import SCENARIOS

if TYPE_CHECKING:
    from sfmc_sandbox.wire.sandbox import Sandbox

CSS = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #1d2530; background: #fbfbfa; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid #e2e2de; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
button { font: inherit; padding: .1rem .7rem; }
form { display: inline; }
.on { font-weight: 600; color: #a33; }
code { font-size: .9em; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e2; background: #16191d; }
  th, td { border-color: #333; }
  .on { color: #f88; }
}
"""


def page(sandbox: Sandbox) -> str:
    """The whole page as HTML."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>sandbox</title>'
        '<meta name="viewport" content="width=device-width">'
        '<link rel="stylesheet" href="/_sandbox/style.css"></head><body>'
        "<h1>A local Marketing Cloud</h1>"
        f"<p>Its clock says <b>{escape(sandbox.now().isoformat(timespec='minutes'))}</b> (UTC-6) "
        f"and runs {sandbox.flow.clock.speed:g} times as fast as ours. "
        f"{sandbox.tenant.truth.num_rows:,} bounces have happened.</p>"
        f"{_units(sandbox)}{_flow(sandbox)}{_scenarios(sandbox)}{_log(sandbox)}</body></html>"
    )


def _units(sandbox: Sandbox) -> str:
    counts = dict(
        sandbox.tenant.db.cursor()
        .execute(
            "SELECT mid, (count(*), count(*) FILTER (status = 'Held')) FROM subscriber GROUP BY 1"
        )
        .fetchall()
    )
    sent = dict(
        sandbox.tenant.db.cursor()
        .execute(
            "SELECT j.mid, (count(*), sum(c.sent)) FROM job j JOIN job_count c USING (job_id) "
            "GROUP BY 1"
        )
        .fetchall()
    )
    rows = []
    for unit in sandbox.tenant.units:
        people, jobs = counts.get(unit.mid, (0, 0)), sent.get(unit.mid, (0, 0))
        cells = "".join(f'<td class="n">{int(n or 0):,}</td>' for n in (*people, *jobs))
        rows.append(f"<tr><td>{unit.mid}</td><td>{escape(unit.name)}</td>{cells}</tr>")
    return (
        "<h2>Business units</h2><table><tr><th>MID</th><th>Name</th><th>Subscribers</th>"
        f"<th>Held</th><th>Jobs</th><th>Sent</th></tr>{''.join(rows)}</table>"
    )


def _flow(sandbox: Sandbox) -> str:
    options = "".join(
        f'<option value="{unit.mid}">{escape(unit.name)}</option>' for unit in sandbox.tenant.units
    )
    return (
        '<h2>Mail</h2><p><form method="post" action="/_sandbox/send">Send to '
        '<input name="size" value="1000" size="6"> people of '
        f'<select name="mid">{options}</select> '
        '<label><input type="checkbox" name="transactional" value="on"> transactional</label> '
        "<button>Send</button></form></p>"
        '<p><form method="post" action="/_sandbox/clock">Move the clock by '
        '<input name="advance_s" value="3600" size="8"> seconds <button>Move</button></form></p>'
    )


def _scenarios(sandbox: Sandbox) -> str:
    rows = []
    for name, (every, text) in SCENARIOS.items():
        is_on = name in sandbox.trouble.on
        often = "always" if every == 1 else f"every {every}th time"
        switch = (
            '<form method="post" action="/_sandbox/scenarios">'
            f'<input type="hidden" name="name" value="{name}">'
            f'<input type="hidden" name="on" value="{"" if is_on else "on"}">'
            f"<button>{'Switch off' if is_on else 'Switch on'}</button></form>"
        )
        mark = ' class="on"' if is_on else ""
        rows.append(
            f"<tr><td{mark}>{name}</td><td>{escape(text)}</td><td>{often}</td><td>{switch}</td></tr>"
        )
    return (
        "<h2>Scenarios</h2><p>For one request: the header <code>x-sandbox-scenario</code>.</p>"
        f"<table>{''.join(rows)}</table>"
    )


def _log(sandbox: Sandbox) -> str:
    rows = [
        f"<tr><td>{entry.at:%H:%M:%S}</td><td>{escape(entry.method)}</td>"
        f"<td>{escape(entry.path)} {escape(entry.action)}</td>"
        f'<td class="n">{entry.status}</td><td class="n">{entry.took_ms:.1f} ms</td></tr>'
        for entry in list(sandbox.log.entries)[:100]
    ]
    return f"<h2>Requests</h2><table>{''.join(rows)}</table>"
