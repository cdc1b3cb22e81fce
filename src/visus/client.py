"""A typed client of ``visus serve``.

Pictures are sent as files, bytes, or by the id that they have in the served index; answers are those of the API's
description (:mod:`visus.server.answers`), checked as they come.

    with Client("http://127.0.0.1:8000") as client:
        hits = client.search("cat.jpg", k=5)
        client.thumbnail(hits.hits[0].id)
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from visus._errors import InputError, VisusError
from visus._optional import require

require("pydantic")  # says how to install it, where it is missing
from visus.server.answers import (  # noqa: E402
    Abilities,
    Decided,
    Explanation,
    Facts,
    Folders,
    Fooling,
    Groups,
    Health,
    Hits,
    Layout,
    Looking,
    Metrics,
    Moves,
    Part,
    Prediction,
    Review,
    Runs,
    Table,
    Trainings,
    Why,
)

Picture = str | os.PathLike[str] | bytes | int
"""A file, its content, or an id of the served index (a number, or digits as answers have them: ``int(hit.id)``)."""

Answer = TypeVar("Answer")

_TRIES = 5  # times that a busy server is asked again


class RefusedError(VisusError):
    """The server answered with an error.

    Args:
        status: Of the answer, for example 404.
        sentence: What is wrong.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Client:
    """A server, asked from Python.

    Args:
        address: Of the server.
        token: Where it wants one.
        timeout: Longest time of an answer, in seconds.

    Raises:
        DependencyError: httpx is not installed: ``pip install 'visus[client]'``.
        InputError: The token cannot be one.
    """

    def __init__(
        self, address: str = "http://127.0.0.1:8000", *, token: str | None = None, timeout: float = 60.0
    ) -> None:
        httpx = require("httpx")
        if token is not None and not (token.isascii() and token.isprintable()):
            raise InputError("A token is plain letters and digits, as the server was started with.")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections to the server."""
        self._http.close()

    # The index ---------------------------------------------------------------------------------------------------

    def search(
        self,
        picture: Picture | None = None,
        *,
        words: str | None = None,
        k: int = 12,
        region: tuple[int, int, int, int] | None = None,
        where: str | None = None,
        min_score: float | None = None,
        by: str = "embedding",
        rerank: Literal["expansion", "geometry"] | None = None,
        also: Sequence[Picture] = (),
        unlike: Sequence[Picture] = (),
    ) -> Hits:
        """Pictures that look like one, or show what words name; for the options see :meth:`visus.Index.search`.

        Args:
            picture: That asks; None where words ask alone.
            words: Words, perhaps with signs and weights: ``"tiger + snow - 0.5 beach"``.
            k: How many, at most 200.
            region: x0, y0, x1, y1 in pixels of the part that asks.
            where: A condition on the columns of the index.
            min_score: Least score.
            by: ``embedding``, ``texture`` or ``color``.
            rerank: Look at the best hits a second time.
            also: Pictures that ask too, at most 8.
            unlike: Pictures that hits are to be unlike, at most 8.

        Raises:
            RefusedError: The server says what is wrong.
        """
        options = {"k": k, "region": _commas(region), "where": where, "min_score": min_score, "by": by, "words": words}
        beside = {"also": also, "unlike": unlike}
        ids = {name: _commas([own for own in others if isinstance(own, int)]) for name, others in beside.items()}
        files = [
            (f"{name}_pictures", _sent(own))
            for name, others in beside.items()
            for own in others
            if not isinstance(own, int)
        ]
        return self._post(Hits, "/search", picture, options | {"rerank": rerank} | ids, files)

    def why(
        self,
        picture: Picture | None,
        hit: int,
        *,
        region: tuple[int, int, int, int] | None = None,
        words: str | None = None,
    ) -> Why:
        """Where a picture, or a part of it, and one of the index agree; or where the latter shows words."""
        return self._post(Why, "/why", picture, {"hit": hit, "region": _commas(region), "words": words})

    def duplicates(
        self,
        *,
        relation: str | None = None,
        agreement: float = 0.0,
        folder: str | None = None,
        offset: int = 0,
        limit: int = 200,
        tell: Callable[[Looking], None] | None = None,
    ) -> Groups:
        """Groups of duplicates; waits while they are looked for.

        Args:
            relation: Only copies that differ so, for example ``cropped``.
            agreement: Least share of blocks that agree.
            folder: Only copies below this folder.
            offset: Groups to pass over, and stacks.
            limit: Groups at most, and stacks.
            tell: Is told how far the search is, once a second.

        Raises:
            RefusedError: The server says what is wrong.
        """
        wanted = {"relation": relation, "agreement": agreement, "folder": folder, "offset": offset, "limit": limit}
        while True:
            answer = self._send("GET", "/duplicates", params=_given(wanted))
            if answer.status_code != 202:
                return Groups.model_validate_json(answer.content)
            if tell:
                tell(Looking.model_validate_json(answer.content))
            time.sleep(float(answer.headers.get("Retry-After", 1)))

    def decide(self, ids: Sequence[int], decision: Literal["not-copies", "keep-both", "undecided"]) -> Decided:
        """Note what someone decided about pictures."""
        answer = self._send("POST", "/duplicates/decisions", data={"ids": _commas(ids), "decision": decision})
        return Decided.model_validate_json(answer.content)

    def move_aside(self, ids: Sequence[int]) -> Moves:
        """Move copies that may go aside, where the server allows it; nothing is tried twice."""
        return Moves.model_validate_json(
            self._send("POST", "/duplicates/moves", tries=1, data={"ids": _commas(ids)}).content
        )

    def wall(self, *, text: str | None = None, where: str | None = None, order: str = "newest") -> Layout:
        """How many pictures there are, and the shape of each, in order."""
        return self._get(Layout, "/wall", text=text, where=where, order=order)

    def pictures(
        self,
        *,
        text: str | None = None,
        where: str | None = None,
        order: str = "newest",
        offset: int = 0,
        limit: int = 100,
    ) -> Part:
        """Some of the pictures of the index, in order."""
        return self._get(Part, "/wall/pictures", text=text, where=where, order=order, offset=offset, limit=limit)

    def folders(self, *, limit: int = 500) -> Folders:
        """Folders that hold pictures."""
        return self._get(Folders, "/folders", limit=limit)

    def facts(self, id: int) -> Facts:
        """What is known of a picture of the index."""
        return self._get(Facts, f"/pictures/{int(id)}/facts")

    def picture(self, id: int, *, first: int | None = None, last: int | None = None) -> bytes:
        """The file of a picture of the index, or its bytes from ``first`` to ``last``, both included."""
        asked = None if first is None and last is None else f"bytes={first or 0}-{'' if last is None else last}"
        return self._send("GET", f"/pictures/{int(id)}", headers={"Range": asked} if asked else {}).content

    def preview(self, id: int) -> bytes:
        """A picture of the index as a JPEG of at most 1600 pixels."""
        return self._send("GET", f"/previews/{int(id)}").content

    def thumbnail(self, id: int | str) -> bytes:
        """The small JPEG of a picture of the index."""
        return self._send("GET", f"/thumbnails/{int(id)}").content

    # Networks ----------------------------------------------------------------------------------------------------

    def runs(self) -> Runs:
        """The networks that answer."""
        return self._get(Runs, "/runs")

    def curves(self, run: str) -> bytes:
        """The learning curves of a run, PNG."""
        return self._send("GET", f"/runs/{_part(run)}/curves").content

    def metrics(self, run: str) -> Metrics:
        """How a run learned, as numbers."""
        return self._get(Metrics, f"/runs/{_part(run)}/metrics")

    def predict(self, run: str, picture: Picture, *, k: int = 5, overlay: bool = False) -> Prediction:
        """What a run says of a picture."""
        return self._post(Prediction, "/predict", picture, {"run": run, "k": k, "overlay": str(overlay).lower()})

    def explain(
        self,
        run: str,
        picture: Picture,
        *,
        method: str = "gradcam",
        target: str | None = None,
        at: tuple[int, int] | None = None,
        box: tuple[int, int, int, int] | None = None,
    ) -> Explanation:
        """Which pixels speak for a class; see :func:`visus.explain.saliency`."""
        options = {"run": run, "method": method, "target": target, "at": _commas(at), "box": _commas(box)}
        return self._post(Explanation, "/explain", picture, options)

    def fool(
        self, run: str, picture: Picture, *, target: str | None = None, epsilon: float = 2 / 255, steps: int = 20
    ) -> Fooling:
        """A change too small to see that changes the answer of a run."""
        options = {"run": run, "target": target, "epsilon": epsilon, "steps": steps}
        return self._post(Fooling, "/fool", picture, options)

    def trainings(self) -> Trainings:
        """Trainings and studies, also while they run."""
        return self._get(Trainings, "/trainings")

    def training(self, name: str) -> Table:
        """One of them, with its table; ``name`` is ``TASK/NAME``."""
        return self._get(Table, "/trainings/" + "/".join(_part(part) for part in name.split("/")))

    # The table of visus check ------------------------------------------------------------------------------------

    def review(
        self, *, problem: str | None = None, undecided: bool = False, offset: int = 0, limit: int = 24
    ) -> Review:
        """Lines of the table of ``visus check``, and what is decided on them."""
        wanted = {"problem": problem, "undecided": str(undecided).lower(), "offset": offset, "limit": limit}
        return self._get(Review, "/check", **wanted)

    def reviewed_picture(self, line: int, *, other: bool = False) -> bytes:
        """The picture of a line as a JPEG, or the other one that it is the same as."""
        return self._send("GET", f"/check/{int(line)}/{'other' if other else 'picture'}").content

    def decide_lines(
        self, lines: Sequence[int], decision: Literal["keep", "relabel", "leave out", "undecided"], label: str = ""
    ) -> Decided:
        """Note what someone decided about lines of the table."""
        fields = {"lines": _commas(lines), "decision": decision, "label": label}
        return Decided.model_validate_json(self._send("POST", "/check/decisions", data=fields).content)

    # The server --------------------------------------------------------------------------------------------------

    def health(self) -> Health:
        """Whether the server lives, and how many pictures it has."""
        return self._get(Health, "/health")

    def about(self) -> Abilities:
        """What can be asked of it."""
        return self._get(Abilities, "/about")

    def metrics_text(self) -> str:
        """Measures as Prometheus reads them."""
        return self._send("GET", "/metrics").text

    # Requests ----------------------------------------------------------------------------------------------------

    def _get(self, kind: type[Answer], path: str, **params: Any) -> Answer:
        return kind.model_validate_json(self._send("GET", path, params=_given(params)).content)  # pyright: ignore

    def _post(
        self,
        kind: type[Answer],
        path: str,
        picture: Picture | None,
        options: dict[str, Any],
        files: Sequence[tuple[str, tuple[str, bytes]]] = (),
    ) -> Answer:
        form, files = _given(options), list(files)
        if isinstance(picture, int):
            form["id"] = picture
        elif picture is not None:
            files.append(("picture", _sent(picture)))
        return kind.model_validate_json(self._send("POST", path, data=form, files=files or None).content)  # pyright: ignore

    def _send(self, method: str, path: str, *, tries: int = _TRIES, **options: Any) -> Any:  # noqa: ANN401 - of httpx
        answer = self._request(method, path, options)
        for _ in range(tries - 1):
            if answer.status_code not in (429, 503) or "Retry-After" not in answer.headers:
                break
            time.sleep(float(answer.headers["Retry-After"]))
            answer = self._request(method, path, options)
        if answer.is_success:
            return answer
        try:
            sentence = str(answer.json()["error"])
        except (ValueError, KeyError, TypeError):
            sentence = f"{answer.url} answered with status {answer.status_code}."
        raise RefusedError(answer.status_code, sentence)

    def _request(self, method: str, path: str, options: dict[str, Any]) -> Any:  # noqa: ANN401 - of httpx
        import httpx

        try:
            return self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise RefusedError(0, f"{self._http.base_url} does not answer ({error}); is it running?") from error


def _sent(picture: str | os.PathLike[str] | bytes) -> tuple[str, bytes]:
    """A name and the content of a picture, as a form takes them."""
    return "picture", picture if isinstance(picture, bytes) else _content(picture)


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise InputError(f"{os.fspath(path)} cannot be read ({error.strerror}); check its name.") from error


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Those that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def _commas(numbers: Sequence[int] | None) -> str | None:
    return ",".join(str(int(number)) for number in numbers) if numbers else None


def _part(name: str) -> str:
    """A part of a path, so that no name leads elsewhere."""
    from urllib.parse import quote

    return quote(name, safe="")
