"""Who may ask the page of `serve`: browsers that mean this machine, by its name, from the page itself.

A page on the loopback address is within reach of every site that its user visits: a name that is made to lead there
(DNS rebinding) shows in the Host header, a form of another site in the Origin header. Both are compared with what was
allowed by name. Where others than this machine may come in, they also need a token, which was shown once.
"""

import dataclasses
import hmac
import logging
import secrets
import tempfile
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

from fat2019.errors import DataError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LOG = logging.getLogger("fat2019")
MOST_UPLOADED_BYTES = 1_000_000_000  # all uploads that are kept together

_MOST_DIGITS = 18
_COOKIE = "fat2019-token"
_STARTING = "/startup-events"  # which the library itself asks for, without a token, and which tells nothing

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class Allowed:
    """What a request may say of itself."""

    hosts: tuple[str, ...] = LOOPBACK  # without ports, as in the Host header
    origins: tuple[str, ...] = ()  # besides the page's own, such as https://example.org
    token: str = ""  # none is asked for where it is empty


def allowed_by(host: str | None, origins: Sequence[str]) -> Allowed:
    """What is allowed where a machine is reached by another name than the loopback's, or other sites send requests.

    Args:
        host: a name or address of this machine; none for the loopback address alone.
        origins: of sites, such as ``https://example.org``.

    Raises:
        DataError: an origin is none, or the host is no name by which a browser could come.
    """
    for origin in origins:
        parts = urllib.parse.urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or f"{parts.scheme}://{parts.netloc}" != origin:
            raise DataError(
                f"--allow-origin {origin}: expected a scheme, a name and perhaps a port: https://example.org"
            )
    if host in ("0.0.0.0", "::", ""):
        raise DataError(f"--host {host}: give the name or address that browsers will use, such as this machine's own")
    name = in_address(host).casefold() if host else ""
    is_open = name not in ("", *LOOPBACK) or bool(origins)
    return Allowed(
        (*LOOPBACK, *([name] if name else [])),
        tuple(origin.casefold() for origin in origins),
        secrets.token_urlsafe() if is_open else "",
    )


def in_address(host: str) -> str:
    """A name or an address as it stands in a URL and in the Host header: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


class Guard:
    """ASGI middleware that answers what is not allowed itself, and passes on the rest."""

    def __init__(self, app: Any, allowed: Allowed, uploads: Path, most_bytes: int = MOST_UPLOADED_BYTES) -> None:
        """
        Args:
            app: what is guarded.
            allowed: what requests may say of themselves.
            uploads: the folder that holds them.
            most_bytes: of all uploads together.
        """
        self._app, self._allowed, self._uploads, self._most_bytes = app, allowed, uploads, most_bytes
        self._arriving = 0  # bytes of the uploads that are being received
        self._broken_off = False  # whether one of them was

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer a request, or pass it on; as ASGI has it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        token = urllib.parse.parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]
        coming = _announced(scope, headers)
        refusal = (
            _stranger(headers, self._allowed)
            or self._without_token(scope, headers, token)
            or self._without_room(coming)
        )
        if refusal:
            await _refuse(scope, send, *refusal)
            return
        send = _with_cookie(send, token) if self._is_token(token) else send
        if coming:
            await self._receive_upload(coming, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _receive_upload(self, coming: int, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass on an upload; of one that breaks off the application leaves what has come, which is removed."""

        broke_off = False

        async def receiving() -> MutableMapping[str, Any]:
            nonlocal broke_off
            message = await receive()
            broke_off |= message["type"] == "http.disconnect"
            return message

        self._arriving += coming
        try:
            await self._app(scope, receiving, send)
        except Exception as error:
            if not broke_off:
                raise
            _LOG.debug("an upload of %d bytes broke off: %s", coming, error)  # and nobody is there to be answered
        finally:
            self._arriving -= coming
            self._broken_off |= broke_off
            if self._broken_off and not self._arriving:  # nothing else is being written
                _remove_unfinished(self._uploads)
                self._broken_off = False

    def _is_token(self, given: str) -> bool:
        return bool(self._allowed.token) and hmac.compare_digest(given.encode(), self._allowed.token.encode())

    def _without_token(self, scope: _Scope, headers: Mapping[str, str], token: str) -> tuple[int, str] | None:
        if not self._allowed.token or scope["path"].endswith(_STARTING):
            return None
        if self._is_token(token) or self._is_token(_cookie(headers.get("cookie", ""))):
            return None
        return 401, "open the address that `fat2019 serve` printed: its token is missing here"

    def _without_room(self, coming: int | None) -> tuple[int, str] | None:
        """Whether an upload would take more than all together may; what is arriving counts as if it were there."""
        if coming is None:
            return 411, "an upload says how long it is"
        if coming and coming + self._arriving + _size(self._uploads) > self._most_bytes:
            return 413, f"uploads take {self._most_bytes // 1_000_000:,} MB together at most; they are deleted in time"
        return None


def _announced(scope: _Scope, headers: Mapping[str, str]) -> int | None:
    """The bytes that an upload brings, 0 for other requests; None where it does not say."""
    if scope.get("method") != "POST" or not scope["path"].rstrip("/").endswith("/upload"):
        return 0
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS else None


def _stranger(headers: Mapping[str, str], allowed: Allowed) -> tuple[int, str] | None:
    """Why a request is none of this page's own."""
    host = headers.get("host", "").casefold()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
    if name not in allowed.hosts:
        return 403, "this page answers to the name that it was started with alone; see --host"
    origin = headers.get("origin", "").casefold()
    if origin and origin not in (f"http://{host}", f"https://{host}", *allowed.origins):
        return 403, "this page takes no requests of other sites; see --allow-origin"
    return None


def _cookie(text: str) -> str:
    try:
        cookies = SimpleCookie(text)
    except CookieError:
        return ""
    return cookies[_COOKIE].value if _COOKIE in cookies else ""


def _with_cookie(send: _Send, token: str) -> _Send:
    """A browser that came with the token in its address keeps it, for what the page then loads."""
    cookie = f"{_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/".encode("latin-1")

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie)]}
        await send(message)

    return sending


async def _refuse(scope: _Scope, send: _Send, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})


def _remove_unfinished(folder: Path) -> None:
    """Remove files that were being received; finished ones lie in folders of their own."""
    for path in folder.glob(f"{tempfile.gettempprefix()}*"):
        if path.is_file():
            path.unlink(missing_ok=True)


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; those that vanish meanwhile are none."""
    return sum(_bytes_of(path) for path in _files(folder))


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
