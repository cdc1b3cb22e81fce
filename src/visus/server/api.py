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
from visus._errors import VisusError
from visus.server.answers import ERRORS, file_of
from visus.server.limits import Counted, Heads, Limits
from visus.server.routes import page, runs, search
from visus.server.service import Missing, Service
from visus.server.settings import Settings


async def known_fields(request: Request) -> None:
    """Refuse fields that nobody would look at.

    Raises:
        InputError: There is one.
    """
    known = request.app.state.fields.get(request.scope["route"].path)
    if not known:
        return
    strange = [name for name in await request.form() if name not in known]
    if strange:
        raise visus.InputError(f"There is no field {strange[0][:40]!r}; there are: {', '.join(known)}.")


def forms_of(description: dict[str, Any]) -> dict[str, list[str]]:
    """The fields of the form that each path takes, from the description of the API."""
    found = {}
    for path, methods in description["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        named = [form["schema"]["$ref"].rsplit("/", 1)[1] for form in content.values()]
        fields = {field for name in named for field in description["components"]["schemas"][name]["properties"]}
        found[path] = sorted(fields)
    return found


def create_app(settings: Settings) -> FastAPI:
    """The application that answers requests, with all its routes and limits.

    Args:
        settings: How it behaves.

    Raises:
        VisusError: The index or a run cannot be opened.
    """
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.threads = anyio.CapacityLimiter(settings.at_once)
        yield
        service.close()

    app = FastAPI(
        title="visus",
        version=visus.__version__,
        lifespan=lifespan,
        description="Find pictures that look alike, ask trained networks, and see why they answer as they do.",
        docs_url=None,
        redoc_url=None,
        responses=ERRORS,
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="Where a token is set.")),
            Depends(known_fields),
        ],
    )
    app.state.service, app.state.settings = service, settings
    for error in (VisusError, RequestValidationError, HTTPException):
        app.add_exception_handler(error, told)
    app.add_exception_handler(Exception, broken)
    app.add_middleware(
        Limits,  # pyright: ignore[reportArgumentType] - Starlette's own type of a middleware is narrower
        token=settings.token,
        upload=settings.upload,
        at_once=settings.at_once,
        seconds=settings.seconds,
        names=settings.names,
    )
    app.add_middleware(Heads)  # pyright: ignore[reportArgumentType] - see Limits
    measure(app, service)  # around the limits, so that what they refuse is counted too
    for subject in (page, search, runs):
        app.include_router(subject.router)
    app.state.fields = forms_of(app.openapi())
    app.mount("/static", StaticFiles(directory=page.STATIC), name="static")
    return app


async def told(request: Request, error: Exception) -> JSONResponse:
    """An error as one sentence."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"error": f"{place or 'The request'}: {first['msg']}."}, 422)
    if isinstance(error, HTTPException):
        known = {404: f"There is nothing at {request.url.path}; see /docs.", 405: f"{request.method} is not for here."}
        sentence = known.get(error.status_code, f"{error.detail}".rstrip(".") + ".")
        return JSONResponse({"error": sentence}, error.status_code, headers=error.headers)
    return JSONResponse({"error": str(error)}, 404 if isinstance(error, Missing) else 422)


async def broken(request: Request, error: Exception) -> JSONResponse:
    """What nobody expected; its traceback stands in the log."""
    return JSONResponse({"error": f"{request.url.path} broke on this request; the log of the server says how."}, 500)


def measure(app: FastAPI, service: Service) -> None:
    """Count requests and their time, and serve the measures as Prometheus reads them."""
    registry = CollectorRegistry()
    requests = Counter("visus_requests", "Requests answered.", ["path", "status"], registry=registry)
    seconds = Histogram("visus_request_seconds", "Time of a request.", ["path"], registry=registry)
    batches = Gauge("visus_batches", "Batches of pictures described.", registry=registry)
    pictures = Gauge("visus_described", "Pictures described.", registry=registry)

    def count(path: str, status: int, took: float) -> None:
        requests.labels(path, status).inc()
        seconds.labels(path).observe(took)

    app.add_middleware(Counted, count=count)  # pyright: ignore[reportArgumentType] - see Limits

    @app.get("/metrics", tags=["service"], summary="Measures for Prometheus.", **file_of("text/plain"))
    def metrics() -> Response:
        if service.batching:
            batches.set(service.batching.batches)
            pictures.set(service.batching.pictures)
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")
