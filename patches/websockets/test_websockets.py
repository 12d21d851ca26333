import pytest
from websockets import frames, speedups, utils
from websockets.client import ClientProtocol
from websockets.server import ServerProtocol
from websockets.uri import parse_uri


def test_compiled_core_is_in_use():
    assert frames.apply_mask is speedups.apply_mask


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7, 16, 33, 1000])
def test_compiled_and_pure_agree(size):
    data, mask = bytes(n % 251 for n in range(size)), b"\x01\xfe\x80\x7f"
    masked = speedups.apply_mask(data, mask)
    assert masked == utils.apply_mask(data, mask)
    assert speedups.apply_mask(bytearray(masked), memoryview(mask)) == data


def test_bad_mask():
    with pytest.raises(ValueError, match="mask"):
        speedups.apply_mask(b"data", b"abc")


def test_a_conversation_without_sockets():
    client, server = ClientProtocol(parse_uri("ws://example.com/")), ServerProtocol()
    client.send_request(client.connect())
    for data in client.data_to_send():
        server.receive_data(data)
    (request,) = server.events_received()
    server.send_response(server.accept(request))
    for data in server.data_to_send():
        client.receive_data(data)
    (response,) = client.events_received()
    assert response.status_code == 101
    client.send_text("h\u00e9llo".encode())
    for data in client.data_to_send():
        server.receive_data(data)
    (frame,) = server.events_received()
    assert (frame.opcode, frame.data.decode()) == (frames.Opcode.TEXT, "h\u00e9llo")
