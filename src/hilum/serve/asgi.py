"""The application that an ASGI server runs."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from ctypes import CDLL
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

import django
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.urls import set_script_prefix

from hilum.serve.operations.observe import Tally
from hilum.serve.remembered import Remembered
from hilum.serve.revision import revision_of
from hilum.serve.site import SETTINGS
from hilum.serve.streaming import PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from django.http import HttpRequest, HttpResponseBase

    from hilum.serve.dicomweb.direct import Asked, Wish
    from hilum.serve.options import Options

    Message = Mapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

Result = TypeVar("Result")

THREADS = 16
"""Requests a worker answers at once; each thread keeps its connection to the database."""

FRAME_THREADS = 4
"""Frames a worker reads at once: of more threads each waits for the others."""

TOLD_EVERY_S = 1
"""Frames are told in one line of the log in this time."""

FORM_LIMIT_BYTES = 1_000_000
"""Longest body of a request, but for those that bring DICOM files."""

LINGER_S, LINGER_BYTES = 2.0, 8_000_000
"""So long, and so much, a request that is refused is read on, so that its sender gets to see the answer."""

UPLOAD_PATHS = ("/dicom-web/",)
"""Paths that DICOM files are sent to."""


_ALLOCATOR = {-3: 1 << 26, -1: 1 << 26, -8: 1}
"""M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in bytes: what is freed is kept, 64 MB of it. M_ARENA_MAX: by all threads."""


class BodyTooLongError(Exception):
    """A request brings more than its path takes."""


class Application(ASGIHandler):
    """Django with every request answered whole in one thread of a fixed number.

    Django's own handler changes threads for every part of its chain, and opens a connection to the database for every
    request. Here a request changes threads once, and a thread keeps its connection. Frames do without the chain where
    they can (`hilum.serve.dicomweb.direct`).
    """

    chunk_size = PIECE_BYTES

    def __init__(self) -> None:
        super().__init__()
        # Models and settings can be imported only now that Django is set up.
        self._direct = import_module("hilum.serve.dicomweb.direct")
        self._options: Options = import_module(SETTINGS).OPTIONS
        self._wishes: Remembered[Wish] = Remembered(revision_of(self._options))
        self._frames = Tally(self._direct.ROUTE, self._direct.METHOD, self._direct.STATUS)
        atexit.register(self._frames.tell)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="answer")
        self._frame_threads = ThreadPoolExecutor(FRAME_THREADS, thread_name_prefix="frame")

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002 (Django's signature)
        """Make the chain for a thread."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request; one that is too long is read no further."""
        asked = self._direct.asked_of(scope)
        if asked is not None and await self._sent_directly(asked, send):
            return
        is_upload = scope["method"] == "POST" and scope["path"].startswith(UPLOAD_PATHS)
        if is_upload and not await self._in_thread(self._direct.may_send, scope):
            # Who may not send is told so before the body is read.
            receive, send = _without_body, _closing(receive, send)
        limit = self._options.upload_limit_mb * 1_000_000 if is_upload else FORM_LIMIT_BYTES
        try:
            await super().__call__(scope, _limited(receive, limit), send)
        except BodyTooLongError:
            body = json.dumps({"error": f"the request is too long: at most {limit:,} bytes are taken here"}).encode()
            own = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            headers = own + (self._direct.common_headers(scope["scheme"]) or [])
            send = _closing(receive, send)
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _sent_directly(self, asked: Asked, send: Send) -> bool:
        """Answer without Django's chain; False if that must answer."""
        started = time.perf_counter()
        loop, direct = asyncio.get_running_loop(), self._direct
        in_thread = partial(loop.run_in_executor, self._frame_threads)
        wish = await self._wishes.get(asked.question, lambda: in_thread(direct.look_up, asked.question))
        if wish is None:
            return False
        found = direct.give_at_once(wish, asked) or await in_thread(direct.give, wish, asked)
        if found is None:
            return False
        if self._frames.add(time.perf_counter() - started):
            loop.call_later(TOLD_EVERY_S, self._frames.tell)
        await send({"type": "http.response.start", "status": 200, "headers": found.headers})
        await send({"type": "http.response.body", "body": found.body})
        return True

    async def handle(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request whose body is not too long."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        request, problem = self.create_request(scope, body)
        response = await self.run_get_response(request) if request else cast("HttpResponseBase", problem)
        if response.streaming:
            await self._stream(response, receive, send)
        else:
            await self.send_response(response, send)
        body.close()

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Answer in a thread."""
        return await self._in_thread(self._answer, request)

    async def _stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Send an answer piece by piece until it ends, or until nobody listens."""
        tasks = [
            asyncio.create_task(self.listen_for_disconnect(receive)),
            asyncio.create_task(self.send_response(response, send)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            _, sent = await asyncio.gather(*tasks, return_exceptions=True)
            await self._in_thread(response.close)
        if isinstance(sent, Exception):
            raise sent

    async def _in_thread(self, function: Callable[..., Result], *values: object) -> Result:
        run = copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._threads, run, function, *values)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        # Django would send its signals in other threads, which are not those with the connections.
        request_started.send(sender=type(self), scope=request.scope)  # type: ignore[attr-defined]
        response = self.get_response(request)
        if not response.streaming:
            response.close()
        return response


def _limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise BodyTooLongError
        return message

    return receive_some


async def _without_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _closing(receive: Receive, send: Send) -> Send:
    """Send an answer after which the connection is closed: what else comes over it counts for nothing.

    It is passed over for a while first: who is still sending when the connection is cut never sees the answer.
    """

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        elif not message.get("more_body"):
            await send({**message, "more_body": True})
            await _pass_over(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return send_last


def _keep_freed_memory() -> None:
    """Let the allocator use the memory of one frame for the next; a hundred new pages cost more than to read the frame.

    References
    ----------
    mallopt(3), of glibc; elsewhere nothing is changed.
    """
    set_option = getattr(CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in _ALLOCATOR.items():
            set_option(option, value)


def make_application() -> Application:
    """Set Django up and give the application."""
    _keep_freed_memory()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    django.setup(set_prefix=False)
    return Application()


application = make_application()


async def _pass_over(receive: Receive) -> None:
    """Read the rest of a request, or so much of it as a sender that has seen its answer may still send."""
    passed_bytes = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while passed_bytes < LINGER_BYTES:
                message = await receive()
                passed_bytes += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
