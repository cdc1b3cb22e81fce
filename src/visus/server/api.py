"""The HTTP API.

Its description is served at ``/openapi.json``, and for people at ``/docs``: FastAPI's own page needs other hosts.
"""

import math
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
from fastapi import Depends, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException

import visus
from visus._errors import VisusError
from visus.server import answers
from visus.server.answers import ERRORS, described, file_of
from visus.server.limits import Counted, Heads, Limits
from visus.server.service import Missing, Pixels, Service
from visus.server.settings import Settings

STATIC = Path(__file__).with_name("static")
_MOST = 200  # hits of an answer
_KINDS = "JPEG, PNG, WebP, TIFF, BMP or GIF"

Number = Annotated[int | None, Form(alias="id", ge=0, lt=2**63, description="Id of a picture in the index.")]
Upload = Annotated[UploadFile | None, File(description=f"A picture: {_KINDS}.")]
Region = Annotated[str | None, Form(max_length=60, description="x0,y0,x1,y1 in pixels: only this part asks.")]
Text = Annotated[str | None, Form(max_length=2000)]


async def asked_picture(request: Request, picture: Upload = None, number: Number = None) -> Pixels:
    """The picture that a request is about, ``(H, W, 3)`` uint8.

    Args:
        request: The request.
        picture: A file that it brought.
        number: Id of a picture in the index.

    Raises:
        InputError: It brought both or none, or what it brought is no picture.
        Missing: The picture is not in the index, or its file is no longer what was indexed.
    """
    service: Service = request.app.state.service
    data = await picture.read() if picture is not None else None
    return await anyio.to_thread.run_sync(service.picture, data, number, limiter=request.app.state.threads)


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


Asked = Annotated[Any, Depends(asked_picture)]


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
    add_routes(app)
    app.state.fields = forms_of(app.openapi())
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
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


def box_of(text: str | None) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 from ``1,2,3,4``."""
    return None if text is None else numbers("region", text, 4)  # pyright: ignore[reportReturnType]


def numbers(name: str, text: str, count: int) -> tuple[int, ...]:
    """Whole numbers with commas between them.

    Raises:
        InputError: They are not.
    """
    parts = text.split(",")
    if len(parts) != count or not all(re.fullmatch(r"\s*-?[0-9]{1,10}\s*", part) for part in parts):
        raise visus.InputError(f"{name} takes {count} whole numbers with commas between them, not {text[:40]!r}.")
    return tuple(int(part) for part in parts)


def add_routes(app: FastAPI) -> None:
    """Everything that can be asked."""
    service: Service = app.state.service

    async def working(call: Callable[..., Any], *args: Any, **options: Any) -> Any:  # noqa: ANN401
        """Let a thread do it, so that other requests go on."""
        return await anyio.to_thread.run_sync(partial(call, *args, **options), limiter=app.state.threads)

    @app.get("/health", tags=["service"], summary="Whether it lives.", responses=described(answers.Health))
    async def health() -> dict[str, Any]:
        return {"status": "ok", "version": visus.__version__, "pictures": await working(service.count)}

    @app.post("/search", tags=["search"], summary="Pictures that look like one.", responses=described(answers.Hits))
    async def search(
        picture: Upload = None,
        number: Number = None,
        k: Annotated[int, Form(ge=1, le=_MOST, description="How many.")] = 12,
        region: Region = None,
        where: Annotated[Text, "SQL condition"] = None,
        min_score: Annotated[float | None, Form(ge=-1, le=1)] = None,
        by: Annotated[str, Form(max_length=60, description="embedding, texture or color.")] = "embedding",
        rerank: Annotated[Literal["expansion", "geometry"] | None, Form()] = None,
    ) -> JSONResponse:
        options = {"k": k, "region": box_of(region), "where": where or None, "min_score": min_score, "by": by}
        data = await picture.read() if picture is not None else None
        hits = await working(service.search, data, number, rerank=rerank, **options)
        return JSONResponse({"hits": hits})  # plain values, which need no second look

    @app.post(
        "/why", tags=["search"], summary="Where a picture and one of the index agree.", responses=described(answers.Why)
    )
    async def why(
        picture: Asked, hit: Annotated[int, Form(ge=0, lt=2**63, description="Id of the other.")], region: Region = None
    ) -> dict[str, Any]:
        return await working(service.why, picture, hit, box_of(region))

    @app.get("/duplicates", tags=["search"], summary="Groups of near duplicates.", responses=described(answers.Groups))
    async def duplicates(threshold: Annotated[float, Query(ge=0.5, le=1)] = 0.9) -> dict[str, Any]:
        return {"groups": await working(service.duplicates, threshold)}

    @app.get(
        "/pictures/{number}",
        tags=["search"],
        summary="The file of an indexed picture.",
        **file_of("image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif", "image/bmp"),
    )
    async def pictures(number: Annotated[int, _path()]) -> Response:
        data, kind = await working(service.content, number)
        return Response(data, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})

    @app.get(
        "/thumbnails/{number}",
        tags=["search"],
        summary="The small JPEG of an indexed picture.",
        **file_of("image/jpeg"),
    )
    async def thumbnails(number: Annotated[int, _path()]) -> Response:
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(await working(service.thumbnail, number), media_type="image/jpeg", headers=headers)

    @app.get("/runs", tags=["runs"], summary="The networks that answer.", responses=described(answers.Runs))
    async def runs() -> dict[str, Any]:
        return {"runs": [await working(service.about, name) for name in service.runs]}

    @app.get(
        "/runs/{name}/curves",
        tags=["runs"],
        summary="The learning curves of a run, PNG.",
        **file_of("image/png"),
    )
    async def curves(name: str) -> Response:
        return Response(await working(service.curves, name), media_type="image/png")

    @app.post(
        "/predict", tags=["runs"], summary="What a run says of a picture.", responses=described(answers.Prediction)
    )
    async def predict(
        picture: Asked,
        run: Annotated[str, Form(max_length=200)],
        k: Annotated[int, Form(ge=1, le=1000)] = 5,
        overlay: Annotated[bool, Form()] = False,
    ) -> dict[str, Any]:
        return await working(service.predict, run, picture, k=k, overlay=overlay)

    @app.post(
        "/explain", tags=["runs"], summary="Which pixels speak for a class.", responses=described(answers.Explanation)
    )
    async def explain(
        picture: Asked,
        run: Annotated[str, Form(max_length=200)],
        method: Annotated[str, Form(max_length=40)] = "gradcam",
        target: Annotated[Text, "class"] = None,
        at: Annotated[str | None, Form(max_length=40)] = None,
        box: Annotated[str | None, Form(max_length=60)] = None,
    ) -> dict[str, Any]:
        place = None if at is None else numbers("at", at, 2)
        options = {"target": target or None, "at": place, "box": None if box is None else numbers("box", box, 4)}
        return await working(service.explain, run, picture, method, **options)

    @app.post(
        "/fool",
        tags=["runs"],
        summary="A change too small to see that changes the answer.",
        responses=described(answers.Fooling),
    )
    async def fool(
        picture: Asked,
        run: Annotated[str, Form(max_length=200)],
        target: Annotated[Text, "class"] = None,
        epsilon: Annotated[float, Form(ge=0, le=0.5, description="Largest change, as a share of white.")] = 2 / 255,
        steps: Annotated[int, Form(ge=1, le=100)] = 20,
    ) -> dict[str, Any]:
        if not math.isfinite(epsilon):
            raise visus.InputError("epsilon must be a number.")
        return await working(service.fool, run, picture, target=target or None, epsilon=epsilon, steps=steps)

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return Response((STATIC / "index.html").read_text(encoding="utf-8"), media_type="text/html")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return Response((STATIC / "docs.html").read_text(encoding="utf-8"), media_type="text/html")


def _path() -> Any:  # noqa: ANN401 - a marker of FastAPI's
    from fastapi import Path as InPath

    return InPath(ge=0, lt=2**63)
