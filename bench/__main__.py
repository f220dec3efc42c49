"""`python -m bench score|rules|show …`: figures to look at while working on the classifier."""

from __future__ import annotations

import argparse
import sys

from bench.score import PARTS


def main() -> int:
    """Run one bench."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    benches = parser.add_subparsers(dest="bench", required=True)
    score = benches.add_parser("score", help="accuracy on tests/corpus")
    score.add_argument("--misses", action="store_true", help="list misjudged replies (read parts)")
    score.add_argument("--part", choices=PARTS, help="one part only")
    score.add_argument("--matrix", action="store_true", help="per class, provider, confusion")
    rules = benches.add_parser("rules", help="run all examples and counter-examples of the rules")
    rules.add_argument("--file", help="only findings in files whose name contains this")
    show = benches.add_parser("show", help="how one reply is masked and which rules speak")
    show.add_argument("text")
    show.add_argument("--provider")
    store = benches.add_parser("store", help="upserts and questions beside reading one column")
    store.add_argument("--rows", type=int, nargs="+", default=[2_000_000, 20_000_000])
    store.add_argument("--folder", help="where the lakes go while it runs (44 bytes a row)")
    speed = benches.add_parser("classify", help="speed, beside yardsticks in one run")
    speed.add_argument("--rows", type=int, default=2_000_000)
    speed.add_argument("--rounds", type=int, default=3)
    speed.add_argument(
        "--pipeline", action="store_true", help="read, judge, store, aggregate instead"
    )
    sandbox = benches.add_parser("sandbox", help="pages of 2,500 from the sandbox, SOAP and REST")
    sandbox.add_argument("--pages", type=int, default=60, help="at most, of each kind")
    sandbox.add_argument("--tenant", help="a folder made by `sfmc_sandbox make`")
    sandbox.add_argument("--make", type=int, metavar="EVENTS", help="make a tenant first, timed")
    sandbox.add_argument("--folder", help="where it goes while it runs (9 bytes an event)")
    extract = benches.add_parser("extract", help="extracts read beside a bare parse, and imported")
    extract.add_argument("--rows", type=int, default=5_000_000)
    extract.add_argument("--folder", help="where the zips go while it runs (40 bytes a row)")
    extract.add_argument("--no-import", action="store_true", help="only read")
    hostile = benches.add_parser("hostile", help="what the costliest inputs cost, in ms")
    hostile.add_argument("--seed", type=int, default=1)
    fuzz = benches.add_parser("fuzz", help="strangers' bytes against every reader")
    fuzz.add_argument("--minutes", type=float, default=60)
    fuzz.add_argument("--seed", type=int, default=1)
    kills = benches.add_parser("kills", help="pulls killed at random points, again and again")
    kills.add_argument("--kills", type=int, default=100, help="of each route")
    kills.add_argument("--route", action="append", choices=["soap", "query"])
    routes = benches.add_parser("routes", help="how much of their time the routes wait")
    routes.add_argument("--bounces", type=int, default=200_000)
    routes.add_argument("--trouble", action="store_true", help="every scenario instead")
    suppress = benches.add_parser("suppress", help="a suppression plan: seconds and memory")
    suppress.add_argument("--subscribers", type=int, default=10_000_000)
    suppress.add_argument("--bounces", type=int, default=20_000_000)
    suppress.add_argument("--folder", help="where the lake goes while it runs (40 bytes a row)")
    simulate = benches.add_parser("simulate", help="policies tried on the past, beside one plan")
    simulate.add_argument("--subscribers", type=int, default=1_000_000)
    simulate.add_argument("--bounces", type=int, default=2_000_000)
    simulate.add_argument("--decisions", type=int, default=14, help="for each of two policies")
    simulate.add_argument("--folder", help="where the lake goes while it runs (40 bytes a row)")
    incident = benches.add_parser("incident", help="outages noticed, and controls that are none")
    incident.add_argument("--only", help="those whose name holds this")
    incident.add_argument("--controls", action="store_true", help="no outages")
    questions = benches.add_parser("questions", help="each question beside a bare count")
    questions.add_argument("--rows", type=int, default=2_000_000)
    questions.add_argument("--lake", help="an existing lake instead of a generated one")
    questions.add_argument("--folder", help="where the lake goes while it runs (44 bytes a row)")
    engines = benches.add_parser("engines", help="each question by Spark beside DuckDB")
    engines.add_argument("--rows", type=int, default=1_000_000)
    engines.add_argument("--rounds", type=int, default=2, help="of which the best counts")
    engines.add_argument("--question", action="append", help="only this one; may be given again")
    engines.add_argument("--master", default="local[2]")
    engines.add_argument("--lake", help="an existing lake instead of a generated one")
    engines.add_argument("--folder", help="where the lake goes while it runs (44 bytes a row)")
    growth = benches.add_parser("growth", help="a lake that grows, with and without its rollup")
    growth.add_argument("--rows", nargs="+", default=["1e6", "2e7", "1e8"], help="e.g. 1e6 2e7")
    growth.add_argument("--messages", type=int, default=60_000_000, help="that the sandbox sends")
    growth.add_argument("--tenant", help="a folder made by `sfmc_sandbox make` instead")
    growth.add_argument("--only", nargs="+", metavar="QUESTION", help="as the output names them")
    growth.add_argument("--folder", help="where all goes while it runs (120 bytes a row)")
    growth.add_argument("--out", default="bench/out/growth.json", help="where the figures go")
    growth.add_argument("--plot", help="an SVG to draw, such as docs/images/growth.svg")
    arguments = parser.parse_args()
    if arguments.bench == "score":
        from bench.score import run
    elif arguments.bench == "store":
        from bench.store import run
    elif arguments.bench == "engines":
        from bench.engines import run
    elif arguments.bench == "questions":
        from bench.questions import run
    elif arguments.bench == "growth":
        from bench.growth import run
    elif arguments.bench == "fuzz":
        from bench.fuzz import run
    elif arguments.bench == "extract":
        from bench.extract import run
    elif arguments.bench == "simulate":
        from bench.simulate import run
    elif arguments.bench == "suppress":
        from bench.suppress import run
    elif arguments.bench == "sandbox":
        from bench.sandbox import run
    elif arguments.bench == "classify":
        from bench.classify import run
    elif arguments.bench == "hostile":
        from bench.hostile import run
    elif arguments.bench == "kills":
        from bench.kills import run
    elif arguments.bench == "incident":
        from bench.incident import run
    elif arguments.bench == "routes":
        from bench.routes import run
    elif arguments.bench == "rules":
        from bench.rules import run
    else:
        from bench.rules import show as run
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
