"""Requests by what they say of themselves, against an application that answers all."""

import asyncio

import pytest

from fat2019.errors import DataError
from fat2019.serving.guard import LOOPBACK, Allowed, Guard, allowed_by

TOKEN = "a-long-token"
OPEN = Allowed()


async def application(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
    await send({"type": "http.response.body", "body": b"the page"})


@pytest.fixture
def ask(tmp_path):
    """``ask(allowed, path, query, kind, method, **headers)``: status and headers of the answer."""

    def asked(allowed=OPEN, path="/", query="", kind="http", method="GET", most_bytes=1000, **headers):
        sent = []

        async def send(message):
            sent.append(message)

        pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": kind, "path": path, "method": method, "query_string": query.encode(), "headers": pairs}
        asyncio.run(Guard(application, allowed, tmp_path, most_bytes)(scope, None, send))
        return sent[0].get("status", sent[0]["type"]), dict(sent[0].get("headers", ()))

    return asked


@pytest.mark.parametrize("host", [*LOOPBACK, "localhost:7860", "127.0.0.1:80", "[::1]:7860", "LOCALHOST:1"])
def test_the_machine_answers_to_its_own_names(ask, host):
    assert ask(host=host)[0] == 200
    assert ask(host=host, origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "localhost.evil.example", "", "127.0.0.1.nip.io:80"]
)
def test_a_name_that_was_made_to_lead_here_is_refused(ask, host):
    assert ask(host=host)[0] == 403
    assert ask(host=host, origin=f"http://{host}")[0] == 403


def test_a_request_without_a_host_is_refused(ask):
    assert ask()[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1", "file://", "http://localhost"])
def test_a_request_of_another_site_is_refused_uploads_and_sockets_too(ask, origin):
    assert ask(host="localhost:7860", origin=origin)[0] == 403
    assert ask(host="localhost:7860", origin=origin, path="/gradio_api/upload", method="POST")[0] == 403
    assert ask(host="localhost:7860", origin=origin, kind="websocket")[0] == "websocket.close"


def test_what_is_allowed_by_name_is_allowed(ask):
    allowed = Allowed(hosts=("studio",), origins=("https://lab.example",))
    assert ask(allowed, host="studio:7860", origin="https://lab.example")[0] == 200
    assert ask(allowed, host="localhost:7860")[0] == 403


def test_with_a_token_a_browser_comes_in_by_its_address_and_stays_by_its_cookie(ask):
    allowed = Allowed(token=TOKEN)
    assert ask(allowed, host="localhost")[0] == 401
    assert ask(allowed, host="localhost", query="token=other")[0] == 401
    status, headers = ask(allowed, host="localhost", query=f"token={TOKEN}")
    assert status == 200 and headers[b"x"] == b"y"
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert ask(allowed, host="localhost", cookie=cookie.partition(";")[0])[0] == 200
    assert ask(allowed, host="localhost", cookie="fat2019-token=other; a=b")[0] == 401
    assert ask(allowed, host="localhost", path="/gradio_api/startup-events")[0] == 200


def test_without_a_token_none_is_handed_out(ask):
    assert b"set-cookie" not in ask(host="localhost", query="token=")[1]


def test_uploads_have_a_limit_together(ask, tmp_path):
    upload = {"host": "localhost", "path": "/gradio_api/upload", "method": "POST"}
    assert ask(**upload, content_length="900")[0] == 200
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "before.wav").write_bytes(b"." * 200)
    assert ask(**upload, content_length="900")[0] == 413
    assert ask(**upload, content_length="800")[0] == 200
    assert ask(**upload)[0] == 411
    assert ask(**upload, content_length="-5")[0] == 411
    assert ask(**upload, content_length="9" * 5000)[0] == 411


def test_uploads_at_the_same_time_share_the_limit(tmp_path):
    statuses, entered, finish = [], asyncio.Event(), asyncio.Event()

    async def receiving(scope, receive, send):
        entered.set()
        await finish.wait()
        await application(scope, receive, send)

    async def send(message):
        if "status" in message:
            statuses.append(message["status"])

    async def upload(guard):
        headers = [(b"host", b"localhost"), (b"content-length", b"600")]
        scope = {
            "type": "http",
            "path": "/gradio_api/upload",
            "method": "POST",
            "query_string": b"",
            "headers": headers,
        }
        await guard(scope, None, send)

    async def together():
        guard = Guard(receiving, OPEN, tmp_path, 1000)
        first = asyncio.create_task(upload(guard))
        await entered.wait()
        await upload(guard)  # refused at once: the first one is not over
        assert statuses == [413]
        finish.set()
        await first
        await upload(guard)

    asyncio.run(asyncio.wait_for(together(), 30))
    assert statuses == [413, 200, 200]


def test_what_has_come_of_an_upload_that_breaks_off_is_removed_once_no_other_is_arriving(tmp_path):
    (tmp_path / "finished").mkdir()
    (tmp_path / "finished" / "tmp.wav").touch()
    finish = asyncio.Event()

    async def receiving(scope, receive, send):
        part = tmp_path / f"tmp{scope['number']}"
        part.touch()
        if (await receive())["type"] == "http.disconnect":
            raise ConnectionError
        await finish.wait()
        part.rename(tmp_path / "finished" / part.name)

    async def upload(guard, number, message):
        async def receive():
            return {"type": message}

        headers = [(b"host", b"localhost"), (b"content-length", b"100")]
        scope = {"type": "http", "path": "/upload", "method": "POST", "query_string": b"", "headers": headers}
        await guard({**scope, "number": number}, receive, None)

    async def together():
        guard = Guard(receiving, OPEN, tmp_path, 1000)
        other = asyncio.create_task(upload(guard, 1, "http.request"))
        await asyncio.sleep(0)
        await upload(guard, 2, "http.disconnect")
        assert (tmp_path / "tmp1").exists()  # it is still being written
        finish.set()
        await other

    asyncio.run(asyncio.wait_for(together(), 30))
    assert sorted(path.name for path in tmp_path.rglob("tmp*")) == ["tmp.wav", "tmp1"]


def test_a_name_of_the_machine_needs_a_token_and_the_loopback_does_not():
    assert not allowed_by(None, ()).token and not allowed_by("127.0.0.1", ()).token
    named, again = allowed_by("Studio", ()), allowed_by("Studio", ())
    assert "studio" in named.hosts and len(named.token) > 30 and named.token != again.token
    assert allowed_by(None, ("https://lab.example",)).token
    assert not allowed_by("::1", ()).token and "[2001:db8::5]" in allowed_by("2001:db8::5", ()).hosts


@pytest.mark.parametrize("origin", ["lab.example", "https://lab.example/", "https://", "ftp://a.b", "null", "*"])
def test_an_origin_is_a_scheme_and_a_name(origin):
    with pytest.raises(DataError, match="--allow-origin"):
        allowed_by(None, (origin,))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_host_is_a_name_by_which_browsers_come(host):
    with pytest.raises(DataError, match="--host"):
        allowed_by(host, ())
