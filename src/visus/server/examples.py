"""An example of each answer and of each sentence, for the API's description; a test holds them against the models."""

from typing import Any

from pydantic import BaseModel

from visus.server import answers

_PICTURE = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ..."
_SCALE = ["#000004", "#21104b", "#57157e", "#8c2369", "#ba3655", "#de5238", "#f57c15", "#f8c932", "#fcffa4"]
_MEMBER = {"id": "8123", "path": "/photos/2024/cat.jpg", "width": 4032, "height": 3024, "size": 2480133}
_FACT = {**_MEMBER, "name": "cat.jpg", "time": "2024-06-30T18:12:05", "taken": True}
_RELATION = {
    "names": ["re-encoded", "resized"], "agreement": 0.992, "covered": 1.0, "scale": 0.25, "turn": 0, "color": 1.8,
}  # fmt: skip
_COPY = {
    **_MEMBER, "id": "9001", "path": "/photos/sent/cat-small.jpg", "width": 1008, "height": 756, "size": 181204,
    "relation": _RELATION, "means": "re-encoded, resized (99 % agree)", "may_go": True, "stays": "",
}  # fmt: skip
_RUN = {"name": "flowers-1", "task": "classify", "net": "resnet18", "classes": ["rose", "tulip"], "curves": True}
_TRAINING = {
    "name": "classify/flowers-1", "task": "classify", "status": "running", "done": 2, "total": 30, "best": 0.86,
    "score": "accuracy",
}  # fmt: skip
_LINE = {
    "id": 0, "file": "train/rose/17.jpg", "problem": "wrong-label", "score": "0.97", "certainty": "0.97",
    "split": "train", "given_label": "rose", "predicted_label": "tulip", "other": "",
    "why": "looks like tulip rather than rose (0.97)", "decision": "", "new_label": "",
}  # fmt: skip
_METRICS = {
    "columns": ["epoch", "train_loss", "val_loss", "val_accuracy"],
    "rows": [[1, 0.61, 0.48, 0.81], [2, 0.42, 0.39, 0.86]],
}

ANSWERS: dict[type[BaseModel], dict[str, Any]] = {
    answers.Health: {"status": "ok", "version": "0.1.0", "pictures": 12480},
    answers.Abilities: {
        "pictures": 12480, "descriptors": ["embedding", "color"], "words": True, "runs": [_RUN], "moves": False,
        "trainings": True, "check": False,
    },
    answers.Layout: {"version": "5f1c0a7be2d94c31", "total": 3, "shapes": "jYBz"},
    answers.Part: {"version": "5f1c0a7be2d94c31", "total": 3, "pictures": [_FACT]},
    answers.Facts: {**_FACT, "missing": False},
    answers.Folders: {"folders": [{"path": "/photos/2024", "pictures": 3120}], "total": 1},
    answers.Hits: {
        "hits": [{**_MEMBER, "name": "cat.jpg", "score": 0.8731, "cosine": 0.9312}],
        "words": [{"word": "cat", "weight": 1.0, "kinds": 5, "such_as": ["tabby", "tiger cat", "Persian cat"]}],
        "notes": ["cat stands for: tabby, tiger cat, Persian cat, Siamese cat ... (5 kinds)"],
    },
    answers.Why: {"score": 0.8731, "query": _PICTURE, "hit": _PICTURE, "scale": _SCALE},
    answers.Looking: {"what": "Comparing thumbnails", "done": 5120, "total": 12480},
    answers.Groups: {
        "groups": [{"keep": _MEMBER, "why": "more real detail, more pixels", "others": [_COPY]}],
        "stacks": [{"kind": "burst", "pictures": [_MEMBER, {**_MEMBER, "id": "8124"}]}],
        "totals": {"groups": 1, "copies": 1, "may_go": 1, "size": 181204, "stacks": 1},
        "notes": [],
    },
    answers.Decided: {"changed": 1},
    answers.Moves: {
        "moved": [{"from": "/photos/sent/cat-small.jpg", "to": "/aside/photos/sent/cat-small.jpg"}],
        "size": 181204,
        "left": [],
    },
    answers.Runs: {"runs": [_RUN]},
    answers.Prediction: {
        "run": "flowers-1", "task": "classify", "class": "rose", "probabilities": {"rose": 0.973, "tulip": 0.027},
    },
    answers.Explanation: {
        "run": "flowers-1", "method": "gradcam", "class": "rose", "probability": 0.973, "picture": _PICTURE,
        "overlay": _PICTURE, "scale": _SCALE,
    },
    answers.Fooling: {
        "run": "flowers-1", "names": ["rose", "tulip"], "probabilities": [0.973, 0.641], "fooled": True,
        "linf": 0.0078, "l2": 1.93, "before": _PICTURE, "change": _PICTURE, "after": _PICTURE,
    },
    answers.Metrics: _METRICS,
    answers.Review: {
        "problems": {"wrong-label": 12, "twin": 3}, "decided": 4, "classes": ["rose", "tulip"],
        "table": "check-reviewed.csv", "total": 12, "findings": [_LINE],
    },
    answers.Trainings: {"trainings": [_TRAINING]},
    answers.Table: {**_TRAINING, **_METRICS},
}  # fmt: skip

SENTENCES: dict[int, str] = {
    400: "Invalid HTTP request received.",
    401: "Send the token in the header: Authorization: Bearer TOKEN.",
    403: "Pages of other sites may not ask; start the server with --allow-origin https://photos.example where this one "
    "may.",
    404: "There is no picture 17 in the index.",
    405: "PUT is not for /search; see /docs.",
    408: "The request stopped coming for 10 s; send it again.",
    413: "The request is larger than 32 MB; send a smaller picture.",
    421: "This server answers to 127.0.0.1 and localhost and [::1] only.",
    422: "Send a picture or the id of one in the index, in a form: curl -F picture=@cat.jpg",
    429: "64 requests are being worked on; come again in a moment.",
    431: "The headers of a request are larger than 64 kB.",
    500: "/search broke on this request; the log of the server says how.",
    503: "Too many large pictures are being worked on; come again in a moment.",
    504: "The answer took longer than 60 s; ask for less.",
}
"""What errors say, by their status."""
