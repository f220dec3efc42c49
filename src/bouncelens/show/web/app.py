"""The web server: an overview, a page per question, charts, and the same as JSON. All that only
reads; what Marketing Cloud posts to /events/ is taken where the settings name an address for it."""

from __future__ import annotations

import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from bouncelens.errors import BouncelensError, InputInvalid, QuestionInvalid
from bouncelens.service import report
from bouncelens.service.incident.serving import Watch
from bouncelens.service.vocabulary import provider_names, reasons
from bouncelens.show import charts
from bouncelens.show.cli.screen import plain
from bouncelens.show.web import assets, incidents, overview, questions, simulate
from bouncelens.show.web.downloads import Download
from bouncelens.show.web.events import EventsDoor
from bouncelens.show.web.filters import Filters, read_filters
from bouncelens.show.web.guard import LOOPBACK_HOSTS, Guard
from bouncelens.show.web.pages import render
from bouncelens.show.web.source import Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    from bouncelens.service.events import Events
    from bouncelens.service.report import Answer
    from bouncelens.settings import Settings

_PLACES = ("by", "and", "then")  # of the form that counts by dimensions
_A_YEAR_S = 365 * 24 * 3600
_DRAWINGS: dict[str, tuple[str, Callable[[Answer], charts.Drawing]]] = {
    "overview": ("overview", charts.rates_over_time),
    "reasons": ("by_reason", charts.top_reasons),
    "providers": ("by_provider", charts.top_providers),
}


def create_app(settings: Settings, *, hosts: Collection[str] = LOOPBACK_HOSTS) -> FastAPI:
    """The application. `hosts`: the names under which it source; a server that listens beyond
    this machine has to be told its own."""
    source, events, watch = Source(settings), _events(settings), Watch(settings)
    simulations = simulate.Simulations(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # Bundling Vega takes a second or two; the first visitor need not wait for it.
        threading.Thread(target=assets.warm, daemon=True).start()
        if events is not None:
            events.start()
        watch.start()
        yield
        await run_in_threadpool(watch.close)
        if events is not None:
            await run_in_threadpool(events.close)
        await run_in_threadpool(simulations.close)
        source.close()

    # No interactive API pages: they load their scripts from elsewhere.
    app = FastAPI(
        title="bouncelens",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guard, hosts=hosts)
    if events is not None:  # added last, so it is asked first
        app.add_middleware(EventsDoor, receiver=events.receiver)
    _add_pages(app, settings, source)
    _add_incidents(app, source)
    _add_simulations(app, settings, simulations)
    _add_api(app, source)
    _add_errors(app)
    return app


def _events(settings: Settings) -> Events | None:
    """The events route, where it is on. Its modules cost a second that others need not wait."""
    if not settings.events.url:
        return None
    from bouncelens.service.events import Events

    return Events(settings)


def _filters(request: Request) -> Filters:
    """Those of the request; raises InputInvalid."""
    known: dict[str, Collection[str]] = {
        "provider": provider_names(),
        "reason": reasons(),
        "group": charts.GROUP_COLOURS,
        "hardness": overview.HARDNESS_WORDS,
    }
    others = {"theme", "limit", *_PLACES}  # read by those who know them
    pairs = [pair for pair in request.query_params.multi_items() if pair[0] not in others]
    path = request.url.path
    return read_filters(pairs, known=known, path=path if path.startswith("/questions/") else "/")


InFilters = Annotated[Filters, Depends(_filters)]
Limit = Annotated[int | None, Query(ge=1, le=10_000)]


def _add_pages(app: FastAPI, settings: Settings, source: Source) -> None:
    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def show_overview(filters: InFilters) -> HTMLResponse:
        page = overview.build(settings, filters, source)
        wrong = incidents.concerning(source, filters)
        return HTMLResponse(render("overview.html", page=page, incidents=wrong))

    @app.get("/questions", response_class=HTMLResponse, include_in_schema=False)
    def show_questions(filters: InFilters) -> HTMLResponse:
        found = {"questions": report.questions(), "dimensions": report.dimensions()}
        return HTMLResponse(render("questions.html", filters=filters, **found))

    @app.get("/pivot", include_in_schema=False)
    def show_pivot(request: Request, filters: InFilters) -> RedirectResponse:
        given = [request.query_params.get(place, "") for place in _PLACES]
        if not any(given):  # nothing was chosen: there it can be
            return RedirectResponse(filters.to("/questions"), status_code=303)
        return RedirectResponse(filters.to(questions.PATH + report.pivot(given)), status_code=303)

    @app.get("/questions/{name}", response_class=HTMLResponse, include_in_schema=False)
    def show_question(name: str, filters: InFilters) -> HTMLResponse:
        page = questions.build(settings, filters, source, name)
        return HTMLResponse(render("question.html", page=page))

    @app.get("/charts/{name}.svg", include_in_schema=False)
    def show_chart(name: str, filters: InFilters, theme: charts.Theme = "light") -> Response:
        if name not in _DRAWINGS:
            raise HTTPException(404)
        question, draw = _DRAWINGS[name]
        picture = charts.svg(draw(source.ask(question, filters)), theme)
        return Response(picture, media_type="image/svg+xml")

    @app.get("/static/{name}", include_in_schema=False)
    def show_asset(name: str) -> Response:
        found = assets.asset(name)
        if found is None:
            raise HTTPException(404)
        keep = {"cache-control": f"public, max-age={_A_YEAR_S}, immutable"}
        return Response(found.body, media_type=found.media_type, headers=keep)


def _add_incidents(app: FastAPI, source: Source) -> None:
    @app.get(incidents.PATH, response_class=HTMLResponse, include_in_schema=False)
    def show_incidents() -> HTMLResponse:
        found = {"lines": incidents.lines(source), "blind": incidents.blind(source)}
        return HTMLResponse(render("incidents.html", **found))

    @app.get(incidents.PATH + "/{number}.svg", include_in_schema=False)
    def show_incident_chart(number: str, theme: charts.Theme = "light") -> Response:
        drawn = incidents.picture(source, incidents.number_of(number), theme)
        return Response(drawn, media_type="image/svg+xml")

    @app.get(incidents.PATH + "/{number}", response_class=HTMLResponse, include_in_schema=False)
    def show_incident(number: str) -> HTMLResponse:
        page = incidents.build(source, incidents.number_of(number))
        return HTMLResponse(render("incident.html", page=page))


def _add_simulations(app: FastAPI, settings: Settings, simulations: simulate.Simulations) -> None:
    @app.get(simulate.PATH, response_class=HTMLResponse, include_in_schema=False)
    def show_simulation(request: Request) -> HTMLResponse:
        pairs = request.query_params.multi_items()
        page = simulate.build(settings, pairs, simulations.look)
        return HTMLResponse(render("simulate.html", page=page))


def _add_api(app: FastAPI, source: Source) -> None:
    @app.get("/health")
    def show_health() -> dict[str, str]:
        """Says that the server runs; touches no data."""
        return {"status": "ok"}

    @app.get("/api/report.{form}", response_class=Response)
    def take_report(form: str, filters: InFilters) -> StreamingResponse:
        """The standard report as a file: html, pdf, md, xlsx, and csv or parquet in a zip."""
        return _file(Download(source, None, form, filters))

    @app.get("/api/report/{question}.{form}", response_class=Response)
    def take_answer(question: str, form: str, filters: InFilters) -> StreamingResponse:
        """The answer to a question as a file: csv, xlsx, parquet, html, pdf or md."""
        return _file(Download(source, question, form, filters))

    @app.get("/api/report/{question}")
    def show_answer(question: str, filters: InFilters, limit: Limit = None) -> JSONResponse:
        """The answer to a question of `bouncelens report`, narrowed as the page is: since and
        until (UTC days, the latter not in the window), account, provider, domain, group, reason,
        job, hardness, campaign, sender_domain, list, subscriber; and limit, the number of rows.
        `by:provider,reason` counts by these dimensions."""
        return JSONResponse(plain(source.ask(question, filters, limit=limit)))


def _file(download: Download) -> StreamingResponse:
    return StreamingResponse(
        download.pieces(),
        media_type=download.media_type,
        headers=download.headers,
        background=BackgroundTask(download.close),
    )


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(BouncelensError)
    def show_ours(request: Request, error: BouncelensError) -> Response:
        is_theirs = isinstance(error, InputInvalid | QuestionInvalid)
        return _refusal(request, 400 if is_theirs else 503, str(error))

    @app.exception_handler(HTTPException)
    def show_http(request: Request, error: HTTPException) -> Response:
        words = "There is no such page." if error.status_code == 404 else str(error.detail)
        return _refusal(request, error.status_code, words)

    @app.exception_handler(RequestValidationError)
    def show_invalid(request: Request, _: RequestValidationError) -> Response:
        return _refusal(request, 400, "The address of this page is not complete.")


_TITLES = {400: "This address cannot be read", 404: "Not found", 503: "The data cannot be read"}


def _refusal(request: Request, status: int, words: str) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": words}, status_code=status)
    title = _TITLES.get(status, "That did not work")
    return HTMLResponse(render("error.html", title=title, message=words), status_code=status)
