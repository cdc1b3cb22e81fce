"""An index of pictures: add folders, search, find duplicates."""

import itertools
import os
import tempfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images import MAX_PIXELS, decode
from visus.images.check import number, one_of, whole
from visus.search import contents
from visus.search.away import is_missing
from visus.search.classical import Classical
from visus.search.describe import Describing
from visus.search.duplicates import THRESHOLD
from visus.search.evaluate import Retrieval, read_labels, retrieval
from visus.search.hits import Hit, Hits
from visus.search.nearest import Nearest, thumbnails
from visus.search.place import exists
from visus.search.queries import Query
from visus.search.query import Box, Picture, load, several, single
from visus.search.rows import EMBEDDING
from visus.search.updating import UpdatedIndex
from visus.search.where import to_sql
from visus.search.words.asking import Asked, asked_of
from visus.search.words.chance import above

if TYPE_CHECKING:
    from visus.search.duplicates.decisions import Decision
    from visus.search.duplicates.find import Tell
    from visus.search.duplicates.members import DuplicateGroup, Duplicates, Member
    from visus.search.why import Why
    from visus.search.words.why import WordWhy

Rerank = Literal["expansion", "geometry"]

_RERANKED = 50  # hits that are looked at a second time


class Index(UpdatedIndex):
    """An index of pictures in a folder.

    Args:
        location: Folder of the index, for example ``photos.visus``, or a place on an object store, for example
            ``s3://bucket/photos.visus``; made at the first :meth:`add`.
        model: The network that describes pictures, or the folder of a run; None takes the index's own, for a
            new one EfficientNet-Lite0.
        weights: ``"imagenet"`` or a file of weights.
        dtype: How vectors are stored in a new index; float16 takes half the disk, and scans faster.
        precision: ``"f32"``, or ``"bf16"``: faster on some processors, slightly different vectors; ``"auto"`` is
            ``"f32"``. Rows of both are compared with each other.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        PictureIndexError: The index is damaged, of a newer format, or was made with another model.
    """

    def search(
        self,
        picture: Picture | Sequence[Picture] = (),
        *,
        k: int = 12,
        plus: Picture | Sequence[Picture] = (),
        minus: Picture | Sequence[Picture] = (),
        unlike: Picture | Sequence[Picture] = (),
        region: Box | None = None,
        min_score: float | None = None,
        where: str | None = None,
        rerank: Rerank | None = None,
        exact: bool = False,
        max_pixels: int = MAX_PIXELS,
        by: str = "embedding",
        files: bool = True,
    ) -> Hits:
        """Find the pictures that look most like a picture, or show what words name.

        Args:
            picture: A file, an RGB array ``(H, W, 3)`` uint8, words (``"a tiger in snow"``), a mixture of files and
                words (``"dog.jpg + snow - 0.5 beach"``, see :mod:`visus.search.words.terms`), or several of them, which
                ask together.
            k: How many hits at most.
            plus: What asks too: a picture or words, perhaps with a weight before them (``"0.5:snow"``), or several.
            minus: What is taken away, likewise.
            unlike: A picture, or several, whose mean vector is taken away from the query.
            region: x0, y0, x1, y1 in pixels: only this part of the query picture asks.
            min_score: Least score of a hit: of pictures and mixtures in [-1, 1] (not of its ``cosine``, which is
                higher), of a single word a probability; scores count with four digits. None takes all hits, and of a
                single word those above chance (see :mod:`visus.search.words.chance`).
            where: A condition on the columns, for example ``"width > 1000 AND path LIKE '%2024%'"``; see
                :mod:`visus.search.where`.
            rerank: ``"expansion"``: the best hits join the query, which asks again; ``"geometry"``: hits whose
                local features agree with the query's come first.
            exact: Compare every vector in full, not only those that the codes find.
            max_pixels: Larger query pictures are refused.
            by: Which description is compared: the network's, or one that :meth:`add` was asked for.
            files: Whether texts may name files; False where they come from others.

        Returns:
            The hits, best first.

        Raises:
            InputError: A picture cannot be read, a word is not known, or an argument is out of range.
            PictureIndexError: There is no index, or it is damaged.
        """
        k = whole("k", k)
        if rerank is not None:
            one_of("rerank", rerank, get_args(Rerank))
        if min_score is not None and not -1 <= number("The least score", min_score) <= 1:
            raise InputError(f"The least score must be within -1 and 1, not {min_score}.")
        store = self._opened()
        store.refresh()
        known = cache(self.words)
        terms = asked_of(several(picture), plus=plus, minus=minus, unlike=unlike, files=files, known=known)
        if terms.words and by != "embedding":
            raise InputError(f"Words ask the network, not {by}; leave --by away.")
        column = None if by == "embedding" else by
        words = known() if terms.words else None
        describing = self._describes(by) if terms.pictures else None
        pictures = terms.load(describing, region, max_pixels)
        vectors = describing(pictures) if describing else np.zeros((0, store.about["dimension"]), np.float32)
        query = terms.query(vectors, words, store, column or EMBEDDING)
        queries = [own for own, (weight, _) in zip(pictures, terms.pictures, strict=True) if weight > 0]

        condition = None if where is None else to_sql(where, store.columns)
        nearest = Nearest(store, condition, exact, column, contents.Checks(store, column))
        rows = nearest.rows(query, max(k, _RERANKED) if rerank else k)
        if rerank == "expansion":
            rows = nearest.expanded(query, rows)
        elif rerank == "geometry":
            rows = nearest.verified(single(queries, "rerank geometry"), rows, max_pixels)
        searched = cache(nearest.searched)
        alone = terms.named if words and query.plain.any() else None
        rows, nothing = above(rows, min_score, lambda: words.chance(alone, searched()) if words and alone else None)
        rows = [row | {"missing": is_missing(row["path"])} for row in rows[:k]]

        def why(hit: Hit) -> "Why | WordWhy":
            if (terms.avoids and not terms.words) or rerank == "expansion":
                raise InputError("why explains a search without --unlike and --rerank expansion; leave them away.")
            if is_missing(hit.path):
                raise InputError(f"{hit.path} is gone, so that nothing can be drawn on it; say: visus index FOLDER")
            describes = self._describes(by)
            if isinstance(describes, Classical):
                raise InputError(f"why explains a search by the network, not by {by}; leave --by away.")
            return self._explained(describes, terms, query, queries, load(hit.path, describes.least_side, max_pixels))

        said = (
            *terms.taken(),
            *(terms.notes(words) if words else ()),
            nothing,
            terms.unshown(store, rows, words, searched()) if words and not terms.named else None,
            store.news(),
            store.note,
            *nearest.checks.notes,
            _told_absent(sum(row.get("absent", 0) for row in rows)),
        )
        return Hits(
            rows,
            queries=queries,
            thumbnails=partial(thumbnails, store),
            explain=why,
            words=terms.told(words) if words else (),
            notes=[note for note in said if note],
        )

    def _describes(self, by: str) -> "Describing | Classical":
        """What describes the pictures of a search."""
        return (self._describing or self.embedder()) if by == "embedding" else self._extra(by)

    def _explained(
        self,
        describing: Describing,
        terms: Asked,
        query: Query | None,
        queries: list[NDArray[np.uint8]],
        hit: NDArray[np.uint8],
    ) -> "Why | WordWhy":
        """Why a picture is a hit: for words where it shows them, for a picture where both agree."""
        space = self._opened().space
        if query is not None and terms.words:
            from visus.search.words.why import explain as explain_words

            return explain_words(describing, query, terms.text, hit, space)
        from visus.search.why import explain

        return explain(describing, single(queries, "why"), hit, space)

    def why(self, query: Picture | Sequence[Picture], hit: Picture, *, files: bool = True) -> "Why | WordWhy":
        """Where two pictures agree: two heat maps whose values add up to their similarity; or where one shows words.

        Args:
            query: A file, an RGB array ``(H, W, 3)`` uint8, or what :meth:`search` takes with words in it.
            hit: A file, or an array.
            files: Whether texts of the query may name files.

        Raises:
            InputError: A picture cannot be read, a word is not known, or the network does not pool by average.
        """
        describing = self._describing or self.embedder()
        known = cache(self.words)
        terms = asked_of(several(query), files=files, known=known)
        pictures = terms.load(describing, None, MAX_PIXELS)
        store = self._opened()
        none = np.zeros((0, store.about["dimension"]), np.float32)
        vectors = describing(pictures) if pictures and terms.words else none
        asked = terms.query(vectors, known(), store) if terms.words else None
        return self._explained(describing, terms, asked, pictures, load(hit, describing.least_side, MAX_PIXELS))

    # Looking at the whole ------------------------------------------------------------------------------------

    def duplicates(
        self, *, threshold: float = THRESHOLD, keep: str | None = None, tell: "Tell | None" = None
    ) -> "Duplicates":
        """Groups of duplicates: re-encoded, resized, cropped, turned, mirrored, recolored or framed copies.

        Nothing is deleted. Each file that is named is there and holds what the index says, and agrees with the one that
        is kept.

        Args:
            threshold: Least similarity of vectors of pictures that are looked at, in [-1, 1].
            keep: Which picture of a group is kept: ``"best"`` (also None), ``"largest"``, ``"oldest"``, or
                ``"folder:PATH"``: from this folder nothing goes.
            tell: Is told what is being done, how much of it is done, and of how much.

        Returns:
            Groups, the largest first; in ``stacks``, pictures that belong together and are no copies.

        Raises:
            InputError: The threshold lies outside [-1, 1], there is no such way to keep, or no picture of the index
                lies in the folder.
            PictureIndexError: There is no index, or it is damaged.
        """
        from visus.search.duplicates import decisions, kept
        from visus.search.duplicates.find import find
        from visus.search.duplicates.keep import keeping
        from visus.search.duplicates.reading import contents_of
        from visus.search.files import files_of

        if not -1 <= threshold <= 1:
            raise InputError(f"The threshold must be within -1 and 1, not {threshold}.")
        wanted, known = keeping(keep), decisions.load(files_of(self.location))
        store = self._opened()
        store.refresh()
        contents = contents_of(store)
        with contents.thumbnails:
            wanted.check(member.path for own in contents.files for member in own)
            found = find(
                contents.files,
                contents.vectors,
                contents.thumbnails,
                threshold=threshold,
                decisions=known,
                wanted=wanted,
                tell=tell or (lambda _what, _done, _total: None),
            )
        found.notes += contents.notes
        if keep is None:
            kept.save(files_of(self.location), self._asked(threshold), known, kept.as_plain(found))
        return found

    def duplicates_kept(self, *, threshold: float = THRESHOLD) -> dict[str, Any]:
        """What :meth:`duplicates` answers, as plain values; at once where it was asked since the index last changed.

        Files that are gone or were changed since, and pairs that were decided on, are left out.

        Args:
            threshold: See :meth:`duplicates`.

        Raises:
            InputError: The threshold lies outside [-1, 1].
            PictureIndexError: There is no index, or it is damaged.
        """
        from visus.search.duplicates import decisions, kept
        from visus.search.files import files_of

        known = self.duplicates_known(threshold=threshold)
        if known is not None:
            return known
        return kept.holding(
            kept.as_plain(self.duplicates(threshold=threshold)), decisions.load(files_of(self.location))
        )

    def duplicates_known(self, *, threshold: float = THRESHOLD) -> dict[str, Any] | None:
        """What :meth:`duplicates_kept` answers at once; None where duplicates must be looked for.

        Args:
            threshold: See :meth:`duplicates`.

        Raises:
            PictureIndexError: There is no index, or it is damaged.
        """
        from visus.search.duplicates import decisions, kept
        from visus.search.files import files_of

        self._opened().refresh()
        files = files_of(self.location)
        decided = decisions.load(files)
        found = kept.load(files, self._asked(threshold), decided)
        return None if found is None else kept.holding(found, decided)

    def _asked(self, threshold: float) -> dict[str, Any]:
        """What a search for duplicates depends on."""
        return {"index": self._opened().identity, "threshold": threshold}

    def decide(
        self,
        pictures: Sequence[str | os.PathLike[str]],
        decision: "Decision | Literal['undecided'] | None",
    ) -> int:
        """Note that pictures are no copies of one another, or that all of them stay; it holds after scans and moves.

        Args:
            pictures: At least two files of the index; each pair of them is meant.
            decision: ``"not-copies"``, ``"keep-both"``, or None (also ``"undecided"``) to take decisions back.

        Returns:
            How many pairs were decided otherwise before.

        Raises:
            InputError: A picture is not in the index, there are fewer than two, two are one file, or there is no such
                decision.
            PictureIndexError: There is no index, or it or its file of decisions is damaged.
        """
        from visus.search.duplicates.reading import check_distinct, content_in

        store = self._opened()
        store.refresh()
        files = dict.fromkeys(os.path.abspath(os.path.expanduser(path)) for path in pictures)
        if decision not in (None, "undecided"):  # what was decided once can be taken back
            check_distinct(files)
        return self.decide_contents([content_in(store, file) for file in files], decision)

    def decide_contents(self, contents: Sequence[bytes], decision: "Decision | Literal['undecided'] | None") -> int:
        """The same of contents.

        Args:
            contents: Hashes of at least two files, as :meth:`rows` gives them.
            decision: See :meth:`decide`.

        Raises:
            InputError: There are fewer than two, or there is no such decision.
            PictureIndexError: The file of decisions is damaged, or may not be written.
        """
        from visus.search.duplicates import decisions
        from visus.search.files import files_of
        from visus.search.place import alone

        if len(contents) < 2:
            raise InputError("A decision is about two pictures or more; name them.")
        pairs = [decisions.pair_of(a, b) for a, b in itertools.combinations(contents, 2)]
        with alone(self.location, "decisions.lock"):
            return decisions.decide(files_of(self.location), pairs, decision)

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file is in the index, by this name or another, or one that holds the same.

        Args:
            path: A file.

        Raises:
            PictureIndexError: There is no index, or it is damaged.
        """
        from visus.search.duplicates.reading import content_at

        store = self._opened()
        store.refresh()
        return content_at(store, os.path.abspath(os.path.expanduser(path))) is not None

    def sheet_of(self, found: "Sequence[DuplicateGroup]", *, limit: int = 60) -> NDArray[np.uint8]:
        """A contact sheet ``(H, W, 3)`` uint8 of groups of duplicates, with relations; what to keep has a red frame.

        Args:
            found: The answer of :meth:`duplicates`.
            limit: How many pictures at most.

        Raises:
            InputError: A picture has left the index meanwhile.
        """
        from visus.images import draw

        members = [(m, m is group.keep) for group in found for m in (group.keep, *group.others)][:limit]
        small = self.thumbnails([member.id for member, _ in members])
        missing = [member.path for member, _ in members if member.id not in small]
        if missing:
            raise InputError(f"{missing[0]} has left the index meanwhile; look for duplicates again.")
        pictures = [decode(small[member.id]).pixels for member, _ in members]
        captions = [f"{'keep ' if keep else ''}{Path(m.path).name}\n{_told(m)}" for m, keep in members]
        marked = [place for place, (_, keep) in enumerate(members) if keep]
        return draw.contact_sheet(pictures, captions, columns=6, tile=160, marked=marked)

    def evaluate(
        self,
        labels: str | os.PathLike[str],
        *,
        ks: Sequence[int] = (1, 10, 20),
        by: str = "embedding",
    ) -> Retrieval:
        """Measure the search: every labeled picture asks for the others of its label.

        Args:
            labels: CSV file with the columns ``file`` and ``class``; files relative to the CSV file's folder.
            ks: At which numbers of answers precision and recall are measured.
            by: Which description is compared.

        Raises:
            InputError: The labels cannot be read, or none of their files is in the index.
        """
        known = read_labels(labels)
        store = self._opened()
        store.refresh()
        column = EMBEDDING if by == "embedding" else self._extra(by).name
        twin = ["twin"] if store.has("twin") else []
        described = f" AND ({column} IS NOT NULL{' OR twin IS NOT NULL' if twin else ''})"
        table = store.read(["id", "path", *twin, column], f"NOT gone{'' if by == 'embedding' else described}")
        paths = table.column("path").to_pylist()
        rows = [row for row, path in enumerate(paths) if path in known]
        if not rows:
            described = "" if by == "embedding" else f" with {by}"
            raise InputError(
                f"None of the files in {labels} is in {self.location}{described}; index their folder, or check the "
                "column file."
            )
        vectors = store.compared[column](contents.vectors_of(table, column)[rows])
        return retrieval(vectors, [known[paths[row]] for row in rows], ks=ks)


def _told_absent(count: int) -> str:
    """What is said of files with the content of a hit that are not there; nothing of none."""
    files = "1 file" if count == 1 else f"{count:,} files"
    return f"{files} with the content of a hit left out: not there any more; say: visus index FOLDER" if count else ""


def _told(member: "Member") -> str:
    """What stands below a picture on the sheet: its size, and of a copy the relation, and whether it stays."""
    relation, stays = getattr(member, "relation", None), getattr(member, "stays", "")
    told = f" {', '.join(relation.names)}{'; stays' if stays else ''}" if relation else ""
    return f"{member.width}x{member.height}{told}"


def duplicates_in(
    place: str | os.PathLike[str], *, threshold: float = THRESHOLD, keep: str | None = None
) -> "Duplicates":
    """Groups of duplicates of an index, or of a folder of pictures.

    Args:
        place: An index, or a folder whose pictures are described for this one question; to ask again and again, make an
            :class:`Index` of it.
        threshold: See :meth:`Index.duplicates`.
        keep: See there.

    Returns:
        Groups, the largest first, and stacks.

    Raises:
        InputError: There are no pictures, or the threshold cannot be.
        PictureIndexError: The index is damaged.
    """
    if exists(place):
        return Index(place).duplicates(threshold=threshold, keep=keep)
    with tempfile.TemporaryDirectory() as folder:
        index = Index(Path(folder) / "pictures.visus")
        index.add(place)
        return index.duplicates(threshold=threshold, keep=keep)
