import httptools
import pytest
from httptools.parser import parser, url_parser


class Recorder:
    def __init__(self):
        self.events = []

    def on_url(self, url):
        self.events.append(("url", url))

    def on_header(self, name, value):
        self.events.append((name, value))

    def on_body(self, body):
        self.events.append(("body", body))

    def on_message_complete(self):
        self.events.append("complete")


def test_compiled_core_is_in_use():
    assert httptools.HttpRequestParser is parser.HttpRequestParser
    assert all(module.__file__.endswith(".so") for module in (parser, url_parser))


def test_a_request_in_parts():
    request = b"POST /a?b=1 HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    recorder = Recorder()
    requests = httptools.HttpRequestParser(recorder)
    for start in range(0, len(request), 50):
        requests.feed_data(request[start : start + 50])
    assert recorder.events == [
        ("url", b"/a?b=1"),
        (b"Host", b"example.org"),
        (b"Transfer-Encoding", b"chunked"),
        ("body", b"hello"),
        "complete",
    ]
    assert (requests.get_method(), requests.get_http_version()) == (b"POST", "1.1")
    assert requests.should_keep_alive()


def test_a_response():
    recorder = Recorder()
    responses = httptools.HttpResponseParser(recorder)
    responses.feed_data(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
    assert responses.get_status_code() == 404
    assert recorder.events[-2:] == [("body", b"no"), "complete"]


def test_urls():
    url = httptools.parse_url(b"https://user@example.org:8080/path?query#fragment")
    assert (url.schema, url.host, url.port, url.path) == (b"https", b"example.org", 8080, b"/path")
    assert (url.query, url.fragment, url.userinfo) == (b"query", b"fragment", b"user")


def test_errors():
    with pytest.raises(httptools.HttpParserError):
        httptools.HttpRequestParser(Recorder()).feed_data(b"NOTHING\r\n\r\n")
    with pytest.raises(httptools.HttpParserInvalidURLError):
        httptools.parse_url(b"")

    class Broken:
        def on_url(self, url):
            raise LookupError("from the callback")

    with pytest.raises(httptools.HttpParserCallbackError) as caught:
        httptools.HttpRequestParser(Broken()).feed_data(b"GET / HTTP/1.1\r\n\r\n")
    assert isinstance(caught.value.__context__, LookupError)
