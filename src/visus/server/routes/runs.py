"""Trained networks over HTTP: which there are, what they answer, why, and how they are fooled."""

import math
from typing import Annotated, Any

from fastapi import APIRouter, Form, Response

from visus._errors import InputError
from visus.server import answers
from visus.server.described import described, file_of
from visus.server.routes.fields import Picture, RunName, Text, Working, numbers

router = APIRouter(tags=["runs"])


@router.get("/runs", summary="The networks that answer.", responses=described(answers.Runs))
async def runs(work: Working) -> dict[str, Any]:
    return {"runs": [await work(work.service.networks.about, name) for name in work.service.networks.runs]}


@router.get(
    "/runs/{name}/curves",
    summary="The learning curves of a run, PNG.",
    **file_of("image/png"),
)
async def curves(work: Working, name: str) -> Response:
    return Response(await work(work.service.networks.curves, name), media_type="image/png")


@router.get(
    "/runs/{name}/metrics", summary="The same as numbers, one row an epoch.", responses=described(answers.Metrics)
)
async def metrics(work: Working, name: str) -> dict[str, Any]:
    return await work(work.service.networks.metrics, name)


@router.post("/predict", summary="What a run says of a picture.", responses=described(answers.Prediction))
async def predict(
    work: Working,
    asked: Picture,
    run: RunName,
    k: Annotated[int, Form(ge=1, le=1000)] = 5,
    overlay: Annotated[bool, Form()] = False,
) -> dict[str, Any]:
    return await work(work.service.networks.predict, run, asked, k=k, overlay=overlay)


@router.post("/explain", summary="Which pixels speak for a class.", responses=described(answers.Explanation))
async def explain(
    work: Working,
    asked: Picture,
    run: RunName,
    method: Annotated[str, Form(max_length=40)] = "gradcam",
    target: Annotated[Text, "class"] = None,
    at: Annotated[str | None, Form(max_length=40)] = None,
    box: Annotated[str | None, Form(max_length=60)] = None,
) -> dict[str, Any]:
    place = None if at is None else numbers("at", at, 2)
    options = {"target": target or None, "at": place, "box": None if box is None else numbers("box", box, 4)}
    return await work(work.service.networks.explain, run, asked, method, **options)


@router.post(
    "/fool",
    summary="A change too small to see that changes the answer.",
    responses=described(answers.Fooling),
)
async def fool(
    work: Working,
    asked: Picture,
    run: RunName,
    target: Annotated[Text, "class"] = None,
    epsilon: Annotated[float, Form(ge=0, le=0.5, description="Largest change, as a share of white.")] = 2 / 255,
    steps: Annotated[int, Form(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    if not math.isfinite(epsilon):
        raise InputError("epsilon must be a number.")
    return await work(work.service.networks.fool, run, asked, target=target or None, epsilon=epsilon, steps=steps)
