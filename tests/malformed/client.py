# SPDX-License-Identifier: Apache-2.0
"""Plain sockets to an edge, over TCP and TLS: any bytes there, whole answers back, read as strictly as the agent reads."""
import re
import socket
import ssl

from malformed.agent import FIELD_LINE

HOST = "agent.example.test"
IP = "127.40.1.1"
PORTS = {"plain": 8080, "tls": 8443}
HANG_S = 20  # a bound that only turns a hang into a failure
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


def connect(way):
    s = socket.create_connection((IP, PORTS[way]), timeout=HANG_S)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TLS.wrap_socket(s, server_hostname=HOST) if way == "tls" else s


def one_answer(data):
    """(status, fields, body, rest) of the first answer in `data`, None while it is not whole. Strict as the agent."""
    if b"\r\n\r\n" not in data:
        return None
    head, rest = data.split(b"\r\n\r\n", 1)
    first, *lines = head.split(b"\r\n")
    start = re.fullmatch(rb"HTTP/1\.1 ([1-5][0-9]{2}) [ -~]*", first)
    assert start, f"no status line: {data[:200]!r}"
    fields = {}
    for line in lines:
        found = FIELD_LINE.fullmatch(line)
        assert found, f"no field line: {line!r}"
        fields[found[1].decode().lower()] = found[2].decode("latin-1")
    status = int(start[1])
    if status < 200 or status in (204, 304):
        return status, fields, b"", rest
    if fields.get("transfer-encoding") == "chunked":
        body = b""
        while b"\r\n" in rest:
            size, rest = rest.split(b"\r\n", 1)
            count = int(size, 16)
            if len(rest) < count + 2:
                return None
            body, rest = body + rest[:count], rest[count + 2:]
            if count == 0:
                return status, fields, body, rest
        return None
    count = int(fields.get("content-length", 0))
    return None if len(rest) < count else (status, fields, rest[:count], rest[count:])


class Talk:
    """One connection: what was sent, and the answers as they come."""

    def __init__(self, way, data=b""):
        self.socket, self.data, self.closed = connect(way), b"", False
        self.send(data)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # an early answer and a close; what it was stands in the receive buffer

    def read(self):
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise AssertionError(f"neither an answer nor a close within {HANG_S} s; so far {self.data[:200]!r}") from None
        except OSError:
            data = b""
        self.data += data
        self.closed = not data

    def answer(self):
        """(status, fields, body) of the next answer; None when the connection closes instead."""
        while True:
            found = one_answer(self.data)
            if found:
                self.data = found[3]
                if found[0] != 100:
                    return found[:3]
                continue
            if self.closed:
                return None
            self.read()

    def all(self):
        """Every answer until the node closes; nothing may stand behind the last."""
        answers = []
        while (found := self.answer()) is not None:
            answers.append(found)
        return answers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def get(way, target, host=HOST, lines=""):
    with Talk(way, f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{lines}Connection: close\r\n\r\n".encode()) as talk:
        return talk.answer()
