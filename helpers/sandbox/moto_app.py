"""moto's WSGI application, without looking up again at each request what never changes."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from typing import Any

from moto.core import responses
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app


class Moto(DomainDispatcherApplication):
    """moto for all services: one Flask application each, made at its first request."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        # moto lists its own folder, and tries some hundred patterns, to find the service of a host name.
        self.get_backend_for_host = lru_cache(maxsize=1024)(super().get_backend_for_host)


@cache
def application() -> Moto:
    """The one of this process."""
    # Nothing in the course starts a machine of EC2's. The machine images that moto brings along would be two
    # thirds of what is saved after every change.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    # moto inspects the class that answers (EC2's has 600 methods) to see whether it has the operation.
    responses.method_names_from_class = cache(_method_names)
    return Moto()


_inspected = responses.method_names_from_class


def _method_names(kind: Any) -> frozenset[str]:
    return frozenset(_inspected(kind))
