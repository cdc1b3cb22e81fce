"""The HTTP API.

Its description is served at ``/openapi.json``, and for people at ``/docs``: FastAPI's own page needs other hosts.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException

import visus
from visus._errors import PictureIndexError, VisusError
from visus.server.access import Counted, Form
from visus.server.described import ERRORS, file_of
from visus.server.headers import Headers
from visus.server.limits import Heads, Limits, Load
from visus.server.origins import Origins
from visus.server.refusals import Forbidden, Missing
from visus.server.routes import check, page, runs, search, trainings, wall
from visus.server.service import Service
from visus.server.settings import Settings
from visus.server.turns import Busy

_LONGEST = 100  # characters of a path in a sentence
_QUICK = 4  # threads for what never waits behind work


async def known_fields(request: Request) -> None:
    """Refuse fields that nobody would look at, and those that are there twice where one is looked at.

    Raises:
        InputError: There is one.
    """
    known = request.app.state.fields.get((request.method, request.scope["route"].path))
    if known is None:
        return
    fields = await request.form() if request.method == "POST" else request.query_params
    names = [name for name, _ in fields.multi_items()]
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise visus.InputError(f"There is no field {name[:40]!r}; there are: {there}.")
        if names.count(name) > 1 and not known[name]:
            raise visus.InputError(f"The field {name!r} is there {names.count(name)} times; send it once.")


def fields_of(description: dict[str, Any]) -> dict[tuple[str, str], dict[str, bool]]:
    """The fields that each method and path takes, in a form or after the question mark, from the API's description.

    Returns:
        For each field whether it may be there several times.
    """
    found = {}
    for path, methods in description["paths"].items():
        for method, about in methods.items():
            content = about.get("requestBody", {}).get("content", {})
            named = [form["schema"]["$ref"].rsplit("/", 1)[1] for form in content.values()]
            forms = [description["components"]["schemas"][name]["properties"] for name in named]
            fields = {field: _is_list(schema) for form in forms for field, schema in form.items()}
            asked = {own["name"]: False for own in about.get("parameters", ()) if own["in"] == "query"}
            found[method.upper(), path] = dict(sorted((fields or asked).items()))
    return found


def _is_list(schema: dict[str, Any]) -> bool:
    return any(own.get("type") == "array" for own in (schema, *schema.get("anyOf", ())))


def create_app(settings: Settings) -> FastAPI:
    """The application that answers requests, with all its routes and limits.

    Args:
        settings: How it behaves.

    Raises:
        VisusError: The index or a run cannot be opened.
    """
    service, origins, load = Service(settings), Origins(settings.allow), Load()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.threads = anyio.CapacityLimiter(settings.at_once)
        app.state.quick = anyio.CapacityLimiter(_QUICK)
        yield
        service.close()

    app = FastAPI(
        title="visus",
        version=visus.__version__,
        lifespan=lifespan,
        description="Find pictures that look alike, ask trained networks, and see why they answer as they do.",
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        responses=ERRORS,
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="Where a token is set.")),
            Depends(known_fields),
        ],
    )
    app.state.service, app.state.settings, app.state.load = service, settings, load
    for error in (VisusError, RequestValidationError, HTTPException):
        app.add_exception_handler(error, told)
    app.add_middleware(
        Limits,  # pyright: ignore[reportArgumentType] - Starlette's own type of a middleware is narrower
        token=settings.token,
        upload=settings.upload,
        at_once=settings.at_once,
        seconds=settings.seconds,
        names=settings.names,
        origins=origins,
        load=load,
    )
    app.add_middleware(Headers, origins=origins)  # pyright: ignore[reportArgumentType] - see Limits
    app.add_middleware(Heads)  # pyright: ignore[reportArgumentType] - see Limits
    measure(app, service, load, settings.log)  # around the limits, so that what they refuse is counted too
    for subject in (page, wall, search, runs, trainings, check):
        app.include_router(subject.router)
    app.state.fields = fields_of(app.openapi())
    app.mount("/static", StaticFiles(directory=page.STATIC), name="static")
    return app


async def told(request: Request, error: Exception) -> JSONResponse:
    """An error as one sentence."""
    if isinstance(error, RequestValidationError):
        return JSONResponse({"error": _unfit(error.errors()[0])}, 422)
    if isinstance(error, HTTPException):
        known = {
            400: f"The form cannot be read: {str(error.detail).rstrip('.')}.",
            404: f"There is nothing at {request.url.path[:_LONGEST]}; see /docs.",
            405: f"{request.method} is not for {request.url.path[:_LONGEST]}; see /docs.",
        }
        sentence = known.get(error.status_code, f"{error.detail}".rstrip(".") + ".")
        return JSONResponse({"error": sentence}, error.status_code, headers=error.headers)
    if isinstance(error, Busy):
        return JSONResponse({"error": str(error)}, 503, headers={"Retry-After": str(error.seconds)})
    known = {PictureIndexError: 503, Missing: 404, Forbidden: 403}
    status = next((code for kind, code in known.items() if isinstance(error, kind)), 422)
    return JSONResponse({"error": str(error)}, status)


def _unfit(found: dict[str, Any]) -> str:
    """What is wrong with the value of a field, as pydantic found it."""
    place = ".".join(str(part) for part in found["loc"][1:]) or "The request"
    if "UploadFile" in found["msg"]:
        return f"{place} takes a file: curl -F {place}=@cat.jpg"
    return f"{place}: {found['msg']}."


def measure(app: FastAPI, service: Service, load: Load, log: Form) -> None:
    """Count requests and their time, and serve the measures as Prometheus reads them."""
    pictures, copies, heavy = service.pictures, service.copies, service.networks.heavy
    registry = CollectorRegistry()
    requests = Counter("visus_requests", "Requests answered.", ["path", "status"], registry=registry)
    seconds = Histogram("visus_request_seconds", "Time of a request.", ["path"], registry=registry)
    gauges = {
        Gauge(f"visus_{name}", text, registry=registry): value
        for name, text, value in (
            ("working", "Requests that are worked on.", lambda: load.working),
            ("arriving", "Requests whose body is on its way.", lambda: load.arriving),
            ("batches", "Batches of pictures described.", lambda: pictures.batching and pictures.batching.batches),
            ("described", "Pictures described.", lambda: pictures.batching and pictures.batching.pictures),
            ("heavy_working", "Explain, fool, and predict but of classifiers: at work.", lambda: heavy.working),
            ("heavy_waiting", "The same: in the line.", lambda: heavy.waiting),
            ("pixels_reserved", "Pixels of pictures that are decoded now.", lambda: service.budget.reserved),
            ("pixels_peak", "Most pixels at the same time since the start.", lambda: service.budget.peak),
            ("pixels_refused", "Pictures for which there was no room.", lambda: service.budget.refused),
            (
                "duplicates_running",
                "Searches for duplicates that run.",
                lambda: copies.looking and copies.looking.is_running,
            ),
            ("duplicates_begun", "The same: since the start.", lambda: copies.looking and copies.looking.begun),
        )
    }

    def count(path: str, status: int, took: float) -> None:
        requests.labels(path, status).inc()
        seconds.labels(path).observe(took)

    app.add_middleware(Counted, count=count, log=log)  # pyright: ignore[reportArgumentType] - see Limits

    @app.get("/metrics", tags=["service"], summary="Measures for Prometheus.", **file_of("text/plain"))
    async def metrics() -> Response:  # in no thread, so that it waits for none
        for gauge, value in gauges.items():
            gauge.set(value() or 0)
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")
