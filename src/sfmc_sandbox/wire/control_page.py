"""The sandbox's page: its tenant, its switches, its log of requests. Everything is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from sfmc_sandbox.wire.trouble import SCENARIOS

if TYPE_CHECKING:
    from sfmc_sandbox.wire.sandbox import Sandbox

CSS = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #1d2530; background: #fbfbfa; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid #e2e2de;
  vertical-align: baseline; }
td { overflow-wrap: anywhere; }
th { font-weight: 600; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.w { white-space: nowrap; }
button, input, select { font: inherit; padding: .1rem .5rem; }
form { margin: .4rem 0; }
td form { margin: 0; }
.on { font-weight: 600; color: #a33; }
code { font-size: .9em; }
.bad { color: #a33; }
.q { color: #666; }
@media (max-width: 40rem) {
  table { display: block; overflow-x: auto; }
  td { overflow-wrap: normal; }
  td:not(.n, .w) { min-width: 6rem; }
  td code { overflow-wrap: anywhere; }
}
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e2; background: #16191d; }
  th, td { border-color: #333; }
  .on, .bad { color: #f88; }
  .q { color: #aaa; }
}
"""


def page(sandbox: Sandbox, base_url: str) -> str:
    """The whole page as HTML. `base_url`: where the reader found it."""
    speed = sandbox.flow.clock.speed
    pace = f"runs {speed:g} times as fast as ours" if speed else "stands still"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>sandbox</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/_sandbox/style.css"></head><body><main>'
        "<h1>A local Marketing Cloud</h1>"
        f"<p>Its clock says <b>{escape(sandbox.now().isoformat(timespec='minutes'))}</b> (UTC-6) "
        f"and {pace}. {sandbox.tenant.truth.num_rows:,} bounces have happened.</p>"
        f"{_door(sandbox, base_url)}{_units(sandbox)}{_flow(sandbox)}"
        f"{_scenarios(sandbox)}{_log(sandbox)}</main></body></html>"
    )


def _door(sandbox: Sandbox, base_url: str) -> str:
    """What a client needs; the page is for its own machine, and the tenant is made up."""
    rows = (
        ("Sign-in", f"{base_url}v2/token"), ("SOAP", f"{base_url}Service.asmx"),
        ("WSDL", f"{base_url}etframework.wsdl"), ("Client id", sandbox.client_id),
        ("Client secret", sandbox.client_secret),
    )  # fmt: skip
    cells = "".join(
        f"<tr><th>{name}</th><td><code>{escape(text)}</code></td></tr>" for name, text in rows
    )
    return f"<h2>For your client</h2><table>{cells}</table>"


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
        "<h2>Business units</h2><table><tr><th>MID</th><th>Name</th>"
        + "".join(f'<th class="n">{name}</th>' for name in ("Subscribers", "Held", "Jobs", "Sent"))
        + f"</tr>{''.join(rows)}</table>"
    )


def _flow(sandbox: Sandbox) -> str:
    options = "".join(
        f'<option value="{unit.mid}">{escape(unit.name)}</option>' for unit in sandbox.tenant.units
    )
    return (
        '<h2>Mail and time</h2><form method="post" action="/_sandbox/send"><label>Send to '
        '<input name="size" value="1000" size="6" inputmode="numeric"> people</label> '
        f'<label>of <select name="mid">{options}</select></label> '
        '<label><input type="checkbox" name="transactional" value="on"> transactional</label> '
        "<button>Send</button></form>"
        '<form method="post" action="/_sandbox/clock"><label>Move the clock by '
        '<input name="advance_s" value="3600" size="8" inputmode="numeric"> seconds</label> '
        "<button>Move</button></form>"
        '<form method="post" action="/_sandbox/clock"><label>Let it run '
        f'<input name="speed" value="{sandbox.flow.clock.speed:g}" size="6" inputmode="decimal"> '
        "times as fast as ours</label> <button>Set</button></form>"
    )


def _scenarios(sandbox: Sandbox) -> str:
    rows = []
    for name, (every, text) in SCENARIOS.items():
        is_on = name in sandbox.trouble.on
        often = "always" if every == 1 else f"every {every}{'rd' if every == 3 else 'th'} time"
        switch = (
            '<form method="post" action="/_sandbox/scenarios">'
            f'<input type="hidden" name="name" value="{name}">'
            f'<input type="hidden" name="on" value="{"" if is_on else "on"}">'
            f'<button aria-label="Switch {name} {"off" if is_on else "on"}">'
            f"{'Switch off' if is_on else 'Switch on'}</button></form>"
        )
        mark = " on" if is_on else ""
        rows.append(
            f'<tr><td class="w{mark}">{name}</td><td>{escape(text)}</td>'
            f'<td class="w">{often}</td><td class="w">{switch}</td></tr>'
        )
    return (
        "<h2>Scenarios</h2><p>Here for the whole run. For one request: the header "
        "<code>x-sandbox-scenario</code> with the name.</p>"
        f"<table>{''.join(rows)}</table>"
    )


def _log(sandbox: Sandbox) -> str:
    rows = [
        f'<tr><td class="w">{entry.at:%H:%M:%S}</td><td>{_shown(entry.method)}</td>'
        f"<td>{_shown(entry.path)} <b>{_shown(entry.action)}</b></td>"
        f'<td class="n{" bad" if entry.status >= 400 else ""}">{entry.status or "–"}</td>'
        f'<td class="n">{entry.took_ms:.1f} ms</td></tr>'
        for entry in list(sandbox.log.entries)[:100]
    ]
    if not rows:
        return '<h2>Requests</h2><p class="q">None yet.</p>'
    return (
        '<h2>Requests</h2><p class="q">The last hundred, newest first, by UTC.</p>'
        "<table><tr><th>Time</th><th>Method</th><th>Address</th>"
        f'<th class="n">Status</th><th class="n">Took</th></tr>{"".join(rows)}</table>'
    )


def _shown(text: str) -> str:
    """A stranger's words: as text, and nothing in them that turns or hides others."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))
