# SPDX-License-Identifier: Apache-2.0
"""An agent that reads HTTP as strictly as RFC 9112 is written and writes down what it got, and the wrong answers that
it can be asked for."""
import json
import re
import socket
import threading

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~\x80-\xff]+) HTTP/1\.1")
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"): ?([\t -~\x80-\xff]*)")


class Violation(Exception):
    pass


class Reader:
    """The requests of one connection; anything but RFC 9112's strict form is a Violation."""

    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(mark, 1)
        return line

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def more(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def request(self):
        first, *lines = self.until(b"\r\n\r\n").split(b"\r\n")
        start = REQUEST_LINE.fullmatch(first)
        if not start:
            raise Violation(f"request line {first!r}")
        fields = []
        for line in lines:
            found = FIELD_LINE.fullmatch(line)
            if not found:
                raise Violation(f"field line {line!r}")
            fields.append((found[1].decode().lower(), found[2].decode("latin-1")))
        values = lambda name: [value for key, value in fields if key == name]
        lengths, codings = values("content-length"), values("transfer-encoding")
        if len(values("host")) != 1 or len(lengths) + len(codings) > 1:
            raise Violation(f"framing {fields}")
        body = b""
        if codings:
            if codings != ["chunked"]:
                raise Violation(f"coding {codings}")
            body = self.chunks()
        elif lengths:
            if not re.fullmatch("[0-9]{1,9}", lengths[0]):
                raise Violation(f"length {lengths}")
            body = self.exactly(int(lengths[0]))
        return start[1].decode(), start[2].decode("latin-1"), fields, body

    def chunks(self):
        body = b""
        while True:
            size = self.until(b"\r\n")
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
                raise Violation(f"chunk size {size!r}")
            count = int(size, 16)
            if count == 0:
                if self.exactly(2) != b"\r\n":
                    raise Violation("a trailer")
                return body
            body += self.exactly(count)
            if self.exactly(2) != b"\r\n":
                raise Violation("chunk end")


class Agent:
    """Listens at (address, port) until the process ends."""

    def __init__(self, at):
        self.lock = threading.Lock()
        self.seen, self.violations = [], []  # whole requests; what was none
        self.listener = socket.create_server(at, backlog=512)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        reader = Reader(connection)
        try:
            while True:
                method, target, fields, body = reader.request()
                if target != "/health":
                    with self.lock:
                        self.seen.append((method, target, fields, body))
                connection.sendall(self.answer(method, target, fields))
                if target.startswith("/answer/closed"):
                    return connection.close()
        except (EOFError, OSError):
            connection.close()
        except Violation as e:
            with self.lock:
                self.violations.append(str(e))
            connection.close()

    @staticmethod
    def answer(method, target, fields):
        if target.startswith("/answer/"):
            return ANSWERS[target.split("/")[2]][0]
        body = json.dumps({"target": target, "fields": fields}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nAgent: a\r\n\r\n".encode()
        return head if method == "HEAD" else head + body

    def count(self, word):
        """Whole requests whose target has this word."""
        with self.lock:
            return sum(word in target for _, target, _, _ in self.seen)

    def last(self, word):
        with self.lock:
            return next(seen for seen in reversed(self.seen) if word in seen[1])


# Wrong answers of an agent: the bytes, and the status that the client gets; None: the answer breaks off.
ANSWERS = {
    "fine": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
    "both": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502),
    "two-lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", 502),
    "negative": (b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", 502),
    "fold": (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok", 502),
    "bare-lf": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 502),
    "bare-cr": (b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok", 502),
    "nul": (b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok", 502),
    "space-colon": (b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", 502),
    "status-99": (b"HTTP/1.1 99 Low\r\nContent-Length: 2\r\n\r\nok", 502),
    "status-1000": (b"HTTP/1.1 1000 High\r\nContent-Length: 2\r\n\r\nok", 502),
    "http-2": (b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 502),
    "no-http": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 502),
    "coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502),
    "giant": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", 502),
    "many-fields": (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 20_000 + b"\r\n", 502),
    "unasked-101": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", 502),
    "closed-silently": (b"", 502),
    "closed-early": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", None),
    "bad-chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nxyz\r\n", None),
    # What nobody asked for must not be the answer to the next request on that connection.
    "two": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSTRAY!", 200),
    "204-body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\nSTRAY!", 204),
    "304-body": (b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSTRAY!", 304),
}
