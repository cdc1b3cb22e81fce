"""Weights of timm and open_clip: out of the Hugging Face hub's cache, or from the hub where there is a network.

Without a network the hub's own client tries again and again, for most of a minute. So the cache is looked into first,
and then whether the hub can be reached at all.
"""

import os
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

SECONDS = 1.0
"""How long is waited for a host."""

_PORTS = {"http": 80, "https": 443}


def cached(config: Any) -> Path | None:  # noqa: ANN401 - a PretrainedCfg of timm
    """The file of weights in the hub's cache, where it is there whole.

    Args:
        config: What timm knows of the weights.
    """
    if not config.hf_hub_id or config.custom_load:
        return None
    home, _, revision = config.hf_hub_id.partition("@")
    usual = ("model.safetensors", "pytorch_model.bin")
    for name in (config.hf_hub_filename,) if config.hf_hub_filename else usual:
        if found := file_at_hand(home, name, revision or None):
            return found
    return None


def file_at_hand(home: str, name: str, revision: str | None = None) -> Path | None:
    """A file of a model in the hub's cache, where it is there whole.

    Args:
        home: The model, for example ``"timm/ViT-B-16-SigLIP2-256"``.
        name: Of the file.
        revision: Of the model; None for the newest that is there.
    """
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(home, name, revision=revision)
    return Path(found) if isinstance(found, str) and os.path.isfile(found) else None


def fetched(home: str, name: str) -> Path:
    """A file of a model from the hub, downloaded into its cache; what was begun before goes on.

    Args:
        home: The model.
        name: Of the file.

    Raises:
        OSError: The hub does not have it, or the connection broke.
    """
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(home, name))


def reachable() -> bool:
    """Whether the hub, or the proxy before it, takes a connection."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    address = urlsplit(constants.ENDPOINT)
    proxy = getproxies().get(address.scheme)
    if proxy and not proxy_bypass(address.hostname or ""):
        address = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
    return answers(address.hostname or "", address.port or _PORTS.get(address.scheme, 443))


def answers(host: str, port: int) -> bool:
    """Whether a host takes a connection within :data:`SECONDS`.

    It is asked in a thread of its own, since looking up a name has no limit of time.
    """
    reached = threading.Event()
    done = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=SECONDS).close()
            reached.set()
        except (OSError, ValueError):  # a name that cannot be one is a ValueError
            pass
        finally:
            done.set()

    threading.Thread(target=connect, daemon=True).start()
    done.wait(SECONDS)
    return reached.is_set()
