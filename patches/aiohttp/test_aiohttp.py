"""There are no sockets in the sandbox: what is tried is what lies above them."""

import asyncio
from unittest import mock

import pytest
from aiohttp import ClientSession, http_parser, http_writer, web
from aiohttp._websocket import helpers, mask, reader, reader_c
from aiohttp.http_exceptions import BadHttpMessage


def test_compiled_parts_are_in_use():
    assert http_parser.HttpRequestParser is http_parser.HttpRequestParserC
    assert http_parser.HttpRequestParserC is not http_parser.HttpRequestParserPy
    assert http_writer._serialize_headers is not http_writer._py_serialize_headers
    assert helpers.websocket_mask is mask._websocket_mask_cython
    assert reader.WebSocketReader is reader_c.WebSocketReader


def request_of(kind, data):
    loop = asyncio.new_event_loop()
    try:
        parser = kind(mock.Mock(_reading_paused=False), loop, 2**16, max_line_size=8190, max_field_size=8190)
        ((message, payload),), upgraded, tail = parser.feed_data(data)
        return message, bytes(b"".join(payload._buffer)), upgraded, tail
    finally:
        loop.close()


@pytest.mark.parametrize("kind", [http_parser.HttpRequestParserC, http_parser.HttpRequestParserPy])
def test_request(kind):
    message, body, upgraded, tail = request_of(
        kind,
        b"POST /path?a=1 HTTP/1.1\r\nHost: x.example\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\nhello",
    )
    assert (message.method, message.path, tuple(message.version)) == ("POST", "/path?a=1", (1, 1))
    assert message.headers.getall("x-two") == ["1", "2"]
    assert message.url.query["a"] == "1"
    assert (body, upgraded, tail) == (b"hello", False, b"")


def test_chunks():
    data = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\n"
    message, body, _, _ = request_of(http_parser.HttpRequestParserC, data)
    assert (message.chunked, body) == (True, b"Wikipedia")


def test_bad_request():
    with pytest.raises(BadHttpMessage):
        request_of(http_parser.HttpRequestParserC, b"GET / HTTP/1.1\r\nBad header: \x01\r\n\r\n")


def test_mask():
    data = bytearray(range(100))
    mask._websocket_mask_cython(b"\x01\x02\x03\x04", data)
    assert data[:6] == bytes([1, 3, 1, 7, 5, 7])


def test_application_without_a_server():
    async def hello(request):
        return web.json_response({"path": request.match_info["name"]})

    async def run():
        application = web.Application()
        application.router.add_get("/{name}", hello)
        from aiohttp.test_utils import make_mocked_request

        request = make_mocked_request("GET", "/there", app=application)
        match = await application.router.resolve(request)
        request._match_info = match
        async with ClientSession() as session:
            assert not session.closed
        return await match.handler(request)

    response = asyncio.run(run())
    assert (response.status, response.text) == (200, '{"path": "there"}')
