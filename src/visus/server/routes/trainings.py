"""Trainings over HTTP, also while they run."""

from typing import Annotated, Any

from fastapi import APIRouter, Path

from visus.server import answers
from visus.server.described import described
from visus.server.routes.fields import Working

router = APIRouter(tags=["trainings"])

Part = Annotated[str, Path(max_length=200)]


@router.get("/trainings", summary="Trainings and studies, the newest first.", responses=described(answers.Trainings))
async def trainings(work: Working) -> dict[str, Any]:
    return {"trainings": await work(work.service.trainings)}


@router.get(
    "/trainings/{task}/{name}",
    summary="The table of a training, one row an epoch, or of a study, one row a trial.",
    responses=described(answers.Table),
)
async def training(work: Working, task: Part, name: Part) -> dict[str, Any]:
    return await work(work.service.training, f"{task}/{name}")
