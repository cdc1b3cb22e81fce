"""A lesson as an answer, and all of them as one page."""

import base64
import html
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus._optional import require
from visus.images import plots
from visus.images.io import encode_png
from visus.images.result import Result
from visus.lessons import LESSONS, fonts
from visus.lessons.sheet import LANGUAGES, Drawn, Lang, Say


@dataclass(frozen=True, slots=True, repr=False)
class Lesson(Result):
    """One idea of the course.

    Attributes:
        name: Its name in :data:`visus.lessons.LESSONS`.
        title: What it is about.
        sentences: What the picture shows: three of them.
        picture: ``(H, W, 3)`` uint8.
        numbers: What was computed, as plain values.
        note: Why the picture is labeled in English although Chinese was asked for; empty where it is not.
    """

    name: str
    title: str
    sentences: tuple[str, ...]
    picture: NDArray[np.uint8]
    numbers: dict[str, Any]
    note: str = ""

    def __repr__(self) -> str:
        return f"Lesson({self.name!r}, {self.title!r})"

    def drawn(self) -> NDArray[np.uint8] | None:
        """The picture, ``(H, W, 3)`` uint8."""
        return self.picture

    def _repr_html_(self) -> str:
        """The picture with its sentences, as a notebook shows it."""
        data = base64.b64encode(encode_png(self.picture)).decode()
        text = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.sentences)
        note = f"<p><em>{html.escape(self.note)}</em></p>" if self.note else ""
        return f'<img alt="{html.escape(self.title)}" src="data:image/png;base64,{data}">{text}{note}'

    def rows(self) -> list[dict[str, Any]]:
        """One row a number."""
        return [{"what": name, "value": value} for name, value in self.numbers.items()]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "sentences": list(self.sentences),
            "numbers": self.numbers,
            "note": self.note,
        }


def lesson(name: str, *, lang: Lang = "en", **options: Any) -> Lesson:
    """Compute and draw a lesson.

    Args:
        name: One of :data:`visus.lessons.LESSONS`.
        lang: ``"en"`` or ``"zh"``; where no font of the machine has Chinese characters, the picture stays English.
        options: Those of the lesson: ``picture``, where it shows one, ``(H, W, 3)`` uint8; see ``visus lesson --help``.

    Raises:
        InputError: There is no such lesson, no such language, or the lesson does not take an option.

    >>> lesson("losses").numbers["hinge"]
    [2.9, 0.0, 12.9]
    """
    if name not in LESSONS:
        raise InputError(f"There is no lesson {name!r}; there are {', '.join(LESSONS)}.")
    if lang not in LANGUAGES:
        raise InputError(f"A lesson can be read in {', '.join(LANGUAGES)}, not in {lang!r}.")
    chinese = lang == "zh" and fonts.has_chinese()
    place = LANGUAGES.index(lang)
    done = draw(name, lambda en, zh: zh if chinese else en, **options)
    picture = plots.picture_of(done.figure)
    sentences = tuple(sentence[place] for sentence in done.sentences)
    note = fonts.ADVICE if lang == "zh" and not chinese else ""
    return Lesson(name, LESSONS[name][place], sentences, picture, done.numbers, note)


def draw(name: str, say: Say, **options: Any) -> Drawn:
    """Compute a lesson, on one thread: its networks are small, and so learn the same on every machine.

    Args:
        name: One of :data:`visus.lessons.LESSONS`.
        say: Of a label in English and in Chinese, the one that is drawn.
        options: See :func:`lesson`.

    Raises:
        InputError: The lesson does not take an option.
    """
    own: Callable[..., Drawn] = require(f"visus.lessons.{name.replace('-', '_')}").draw
    takes = list(inspect.signature(own).parameters)[1:]
    if stray := [option for option in options if option not in takes]:
        known = f"it takes {', '.join(takes)}" if takes else "it takes none"
        raise InputError(f"The lesson {name} has no option {stray[0]!r}; {known}.")
    torch = require("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return own(say, **options)
    finally:
        torch.set_num_threads(threads)


def album(*, lang: Lang = "en", progress: Callable[[int, int], None] | None = None) -> str:
    """All lessons as one page of HTML that needs nothing beside itself.

    Args:
        lang: ``"en"`` or ``"zh"``.
        progress: Told how many lessons are done, of how many.

    Raises:
        InputError: There is no such language.
    """
    if lang not in LANGUAGES:
        raise InputError(f"The album can be read in {', '.join(LANGUAGES)}, not in {lang!r}.")
    found = []
    for done, name in enumerate(LESSONS, 1):
        found.append(lesson(name, lang=lang))
        if progress:
            progress(done, len(LESSONS))
    heading = ("The course in pictures", "图说课程")[LANGUAGES.index(lang)]
    contents = "".join(f'<li><a href="#{own.name}">{html.escape(own.title)}</a></li>' for own in found)
    sections = "".join(_section(own) for own in found)
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{heading}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{heading}</h1><ol>{contents}</ol>{sections}</body></html>\n"
    )


_STYLE = (
    "body{font-family:sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;line-height:1.5}"
    "img{max-width:100%}section{margin:3rem 0}code{background:#eee;padding:.1em .3em}"
)


def _section(own: Lesson) -> str:
    heading = f"<h2>{html.escape(own.title)}</h2><p><code>visus lesson {own.name}</code></p>"
    return f'<section id="{own.name}">{heading}{own._repr_html_()}</section>'
