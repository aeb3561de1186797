#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Malformed HTTP against a live edge, over plain sockets and over TLS: what could be smuggled, what is too large,
too slow, cut off or no HTTP at all, and thousands of well-formed requests with bytes changed by chance.

Each gets the right status or a close; the node keeps answering; and the agent behind it, which reads as strictly as
RFC 9112 is written, sees nothing that is not a request, nothing twice, and nothing that was refused. What is cached
is what the agent said about that very target.

    tests/malformed_test.py build/release [--seed N] [--mutations N]

The world lives on 127.40.1.1, in a network of its own where that can be had.
"""
import argparse
import json
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import own_machine

HOST = "agent.example.test"
IP = "127.40.1.1"
PORTS = {"plain": 8080, "tls": 8443}
WORLD = f"""
domain: {HOST}
lanes: 2
regions:
  us-east-1:
    nodes: [{IP}]
    agents: ["http://{IP}:9001"]
health: {{ path: /health, interval: 100ms, timeout: 2s, failures: 3 }}
edge:
  viewer_protocol: allow-all
  client_header_timeout: 1s
  client_idle_timeout: 3s
  body_bytes_max: 1MiB
  cache:
    - {{ path: "/docs/*", ttl: {{ min: 60s, default: 300s, max: 1h }} }}
"""
HANG_S = 20  # a bound that only turns a hang into a failure


# ── the agent: it reads by the book and writes down what it got ──────────────────────────────────────────

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
    def __init__(self):
        self.lock = threading.Lock()
        self.seen, self.violations = [], []  # whole requests; what was none
        self.listener = socket.create_server((IP, 9001), backlog=512)
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


# ── the client ───────────────────────────────────────────────────────────────────────────────────────────

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


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: agent.example.test\r\n\r\n"
H = f"Host: {HOST}\r\n".encode()


def line(first):
    return first + b"\r\n" + H + b"\r\n"


def field(*lines):
    return b"GET /case HTTP/1.1\r\n" + H + b"".join(x + b"\r\n" for x in lines) + b"\r\n"


def post(*lines, body=b""):
    return b"POST /case HTTP/1.1\r\n" + H + b"".join(x + b"\r\n" for x in lines) + b"\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked", body=body)


def host(value):
    return b"GET /case HTTP/1.1\r\nHost: " + value + b"\r\n\r\n"


# Name, bytes, the statuses that are right. The bytes never reach the agent as a whole request; the node closes.
REFUSED = [
    # the request line, RFC 9112 3
    ("HTTP/0.9", b"GET /case\r\n\r\n", {400, 505}),
    ("HTTP/0.9 with a version", line(b"GET /case HTTP/0.9"), {505}),
    ("HTTP/1.2", line(b"GET /case HTTP/1.2"), {505}),
    ("HTTP/2.0", line(b"GET /case HTTP/2.0"), {505}),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {505}),
    ("HTTP/11", line(b"GET /case HTTP/11"), {400, 505}),
    ("HTTP/1.10", line(b"GET /case HTTP/1.10"), {400, 505}),
    ("http in lower case", line(b"GET /case http/1.1"), {400}),
    ("no version but a blank", line(b"GET /case "), {400, 505}),
    ("two blanks", line(b"GET  /case HTTP/1.1"), {400}),
    ("two blanks behind the target", line(b"GET /case  HTTP/1.1"), {400}),
    ("a tab", line(b"GET\t/case HTTP/1.1"), {400, 501}),
    ("a blank at the end", line(b"GET /case HTTP/1.1 "), {400, 505}),
    ("a blank at the start", line(b" GET /case HTTP/1.1"), {400, 501}),
    ("a method in lower case", line(b"get /case HTTP/1.1"), {400, 501}),
    ("an unknown method", line(b"SMUGGLE /case HTTP/1.1"), {501}),
    ("a method that is no token", line(b"GE(T /case HTTP/1.1"), {400, 501}),
    ("no target", line(b"GET HTTP/1.1"), {400, 501}),
    ("a blank in the target", line(b"GET /case x HTTP/1.1"), {400}),
    ("NUL in the target", line(b"GET /case\0 HTTP/1.1"), {400}),
    ("a bare CR in the target", line(b"GET /case\rx HTTP/1.1"), {400}),
    ("a control in the target", line(b"GET /case\x01 HTTP/1.1"), {400}),
    ("DEL in the target", line(b"GET /case\x7f HTTP/1.1"), {400}),
    ("a fragment", line(b"GET /case#x HTTP/1.1"), {400}),
    ("CONNECT", line(b"CONNECT agent.example.test:443 HTTP/1.1"), {400, 405, 501}),
    ("an asterisk for GET", line(b"GET * HTTP/1.1"), {400}),
    ("a target without a slash", line(b"GET case HTTP/1.1"), {400}),
    ("another scheme", line(b"GET ftp://agent.example.test/case HTTP/1.1"), {400}),
    ("no authority", line(b"GET http:///case HTTP/1.1"), {400}),
    ("user information", line(b"GET http://me@agent.example.test/case HTTP/1.1"), {400}),
    ("another authority than ours", line(b"GET http://other.test/case HTTP/1.1"), {421}),
    ("a blank line of blanks first", b" \r\n" + line(b"GET /case HTTP/1.1"), {400, 501}),
    ("a bare CR first", b"\r" + line(b"GET /case HTTP/1.1"), {400, 501}),
    ("a bare LF first", b"\n" + line(b"GET /case HTTP/1.1"), {400}),
    ("a target of 9,000 bytes", line(b"GET /case" + b"x" * 9000 + b" HTTP/1.1"), {414}),
    ("a target of 1 MB", line(b"GET /case" + b"x" * 1_000_000 + b" HTTP/1.1"), {414}),
    # fields, RFC 9112 5
    ("bare LF ends all lines", b"GET /case HTTP/1.1\nHost: agent.example.test\n\n", {400}),
    ("a bare LF between fields", field(b"X: a\nY: b"), {400}),
    ("a bare CR in a value", field(b"X: a\rY: b"), {400}),
    ("CR CR LF", field(b"X: a\r"), {400}),
    ("the empty line is a bare LF", b"GET /case HTTP/1.1\r\n" + H + b"\n", {400}),
    ("a blank before the colon", field(b"X : a"), {400}),
    ("a tab before the colon", field(b"X\t: a"), {400}),
    ("a blank before the colon of Host", b"GET /case HTTP/1.1\r\nHost : agent.example.test\r\n\r\n", {400}),
    ("a folded line", field(b"X: a", b" b"), {400}),
    ("a folded line with a tab", field(b"X: a", b"\tb"), {400}),
    ("the first field folded", b"GET /case HTTP/1.1\r\n X: a\r\n" + H + b"\r\n", {400}),
    ("no colon", field(b"X"), {400}),
    ("no name", field(b": a"), {400}),
    ("a name that is no token", field(b"X(y: a"), {400}),
    ("NUL in a name", field(b"X\0: a"), {400}),
    ("NUL in a value", field(b"X: a\0b"), {400}),
    ("a control in a value", field(b"X: a\x01b"), {400}),
    ("DEL in a value", field(b"X: a\x7fb"), {400}),
    ("a value of 1 MB", field(b"X: " + b"a" * 1_000_000), {431}),
    ("100,000 fields", field(*[b"X: a"] * 100_000), {431}),
    ("200 fields", field(*[b"X: a"] * 200), {431}),
    ("a field name of 1 MB", field(b"X" * 1_000_000 + b": a"), {431}),
    # Host, RFC 9112 3.2
    ("no Host", b"GET /case HTTP/1.1\r\n\r\n", {400}),
    ("two Hosts", field(b"Host: agent.example.test"), {400}),
    ("two Hosts, one empty", field(b"Host:"), {400}),
    ("a list of Hosts", host(b"agent.example.test, other.test"), {400}),
    ("a blank in Host", host(b"agent.example.test other.test"), {400}),
    ("a path in Host", host(b"agent.example.test/x"), {400}),
    ("user information in Host", host(b"me@agent.example.test"), {400}),
    ("a control in Host", host(b"agent.example.test\x01"), {400}),
    ("another Host", host(b"other.test"), {421}),
    ("a Host that ends in ours", host(b"xagent.example.test"), {421}),
    ("a Host that begins with ours", host(b"agent.example.test.other.test"), {421}),
    # framing, RFC 9112 6.1 to 6.3
    ("CL and TE", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("TE and CL", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("two lengths", post(b"Content-Length: 0", b"Content-Length: 54", body=SMUGGLED), {400}),
    ("the same length twice", post(b"Content-Length: 1", b"Content-Length: 1", body=b"x"), {400}),
    ("a list of lengths", post(b"Content-Length: 1, 1", body=b"x"), {400}),
    *[(f"length {value!r}", post(b"Content-Length: " + value, body=b"x" + SMUGGLED), {400})
      for value in (b"-1", b"+1", b"0x1", b"1 1", b"1;", b"", b"one", b"1.0", b"1e0", b"\x0b1", b"1\x0b",
                    b"18446744073709551616", b"18446744073709551617", b"9" * 40)],
    ("the largest length", post(b"Content-Length: 18446744073709551615", body=b"x"), {400, 413}),
    ("a length past the limit", post(b"Content-Length: 1048577", body=b"x"), {413}),
    *[(f"coding {value!r}", post(b"Transfer-Encoding:" + value, body=b"0\r\n\r\n" + SMUGGLED), {400, 501})
      for value in (b" xchunked", b" chunked, identity", b" identity", b" gzip, chunked", b" chunked, chunked", b" chunked;x",
                    b" \x0bchunked", b" chunked\x00", b" \"chunked\"", b"", b" chunked,", b" ,chunked")],
    ("two codings", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("a coding behind a blank and colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("a folded coding", post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n" + SMUGGLED), {400}),
    ("a coding in HTTP/1.0", b"POST /case HTTP/1.0\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    ("an unknown expectation", post(b"Expect: wonders", b"Content-Length: 1", body=b"x"), {417}),
    # chunks, RFC 9112 7.1; the head was fine, so the agent may have got the beginning, and never the end
    *[(f"chunk size {size[:20]!r}", chunked(size + b"\r\nx\r\n0\r\n\r\n" + SMUGGLED), {400})
      for size in (b"g", b"-1", b"+1", b"0x1", b" 1", b"", b"1\n", b"1\r", b"1\x0b", b"1\0", b"FFFFFFFFFFFFFFFFF", b"8" * 40,
                   b"1;\x00", b"1;a\nb", b"1;" + b"x" * 100_000, b"0" * 100_000 + b"1")],
    ("a chunk longer than its size", chunked(b"1\r\nxyz\r\n0\r\n\r\n" + SMUGGLED), {400}),
    ("a chunk that ends in a bare LF", chunked(b"1\r\nx\n0\r\n\r\n" + SMUGGLED), {400}),
    ("a size that ends in a bare LF", chunked(b"1\nx\r\n0\r\n\r\n" + SMUGGLED), {400}),
    ("an extension with a bare LF", chunked(b"1;\nx\r\n0\r\n\r\n" + SMUGGLED), {400}),
    ("a last chunk without CR", chunked(b"0\n\n" + SMUGGLED), {400}),
    ("a trailer with NUL", chunked(b"0\r\nX: \0\r\n\r\n" + SMUGGLED), {400}),
    ("a trailer with a bare LF", chunked(b"0\r\nX: a\nY: b\r\n\r\n" + SMUGGLED), {400}),
    ("trailers of 1 MB", chunked(b"0\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n" + SMUGGLED), {400, 431}),
    ("100,000 trailers", chunked(b"0\r\n" + b"X: a\r\n" * 100_000 + b"\r\n" + SMUGGLED), {400, 431}),
    ("100,000 chunks with extensions", chunked(b"1;" + b"x" * 250 + b"\r\nx\r\n" + (b"1;" + b"x" * 40 + b"\r\nx\r\n") * 100_000
                                               + b"zz\r\n" + SMUGGLED), {400, 413}),
    ("a body past the limit in chunks", chunked(b"10000\r\n" + b"x" * 65536 + b"\r\n") + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 20,
     {413}),
    # no HTTP at all; what never ends a line may be waited for
    ("NULs", b"\0" * 100, {400, 408, 501}),
    ("text", b"hello\r\n\r\n", {400, 501}),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", {400, 408, 501}),
    ("a PROXY line", b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + line(b"GET /case HTTP/1.1"), {400, 501}),
    ("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", {400, 501}),
    ("a line without end", b"GET " + b"/" * 200_000, {414}),
]

# Well-formed if unusual: answered once and forwarded once, and so is the request behind it.
ACCEPTED = [
    ("empty lines first", b"\r\n\r\n" + line(b"GET /case HTTP/1.1")),
    ("an absolute target whose authority is ours", b"GET http://agent.example.test/case HTTP/1.1\r\nHost: other.test\r\n\r\n"),
    ("two slashes", line(b"GET //case HTTP/1.1")),
    ("Host in capitals, with a port and a dot", host(b"AGENT.Example.Test.:8080")),
    ("an empty Host", host(b"")),
    ("no blank behind the colon", field(b"X:a")),
    ("blanks around a value", field(b"X: \t a \t ")),
    ("an empty value", field(b"X:")),
    ("obs-text", field(b"X: \xe4\xff")),
    ("a GET with a body", field(b"Content-Length: 54")[:-2] + b"\r\n" + SMUGGLED[:54].ljust(54)),
    ("a chunked GET", b"GET /case HTTP/1.1\r\n" + H + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ("a length with zeros before", post(b"Content-Length: 0003", body=b"abc")),
    ("a coding in capitals", post(b"TRANSFER-ENCODING: ChUnKeD", body=b"1\r\nx\r\n0\r\n\r\n")),
    ("an extension and trailers", chunked(b"3;a=\"b\"\r\nabc\r\n0;x\r\nContent-Length: 5\r\nX: y\r\n\r\n")),
    ("a size with zeros before", chunked(b"0003\r\nabc\r\n0000\r\n\r\n")),
    ("Connection names what frames us", post(b"Connection: Content-Length, Transfer-Encoding, Host", b"Content-Length: 3", body=b"abc")),
    ("a word for nodes from a stranger", field(b"Sealane-Hop: us-east-1", b"X-Forwarded-For: 192.0.2.7")),
    ("an upgrade to HTTP/2", field(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")),
    ("an upgrade of a POST", post(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 3", body=b"abc")),
    ("underscores in a name", post(b"Transfer_Encoding: chunked", b"Content-Length: 3", body=b"abc")),
    ("128 chunks of one byte", chunked(b"1\r\nx\r\n" * 128 + b"0\r\n\r\n")),
]


class Malformed(unittest.TestCase):
    case_count = 0

    @classmethod
    def setUpClass(cls):
        cls.agent = Agent()
        cls.directory = tempfile.TemporaryDirectory(prefix="malformed_test.")
        cls.file = os.path.join(cls.directory.name, "world.yaml")
        with open(cls.file, "w") as out:
            out.write(WORLD)
        cls.log = open(os.path.join(cls.directory.name, "node.log"), "w+")
        cls.node = subprocess.Popen([PROGRAM, "serve", "--world", cls.file, "--region", "us-east-1",
                                     "--data", os.path.join(cls.directory.name, "data")], stdout=cls.log, stderr=cls.log)
        until(lambda: get("plain", "/ready")[0] == 200, "the node to serve")

    @classmethod
    def tearDownClass(cls):
        cls.node.terminate()
        code = cls.node.wait(HANG_S)
        cls.log.seek(0)
        tail = cls.log.read()[-2000:]
        cls.log.close()
        cls.directory.cleanup()
        if code != 0:
            raise AssertionError(f"the node ended with {code}:\n{tail}")

    def tearDown(self):
        """Whatever was done: the same node still answers on both ports, and the agent saw nothing that it should not."""
        self.assertIsNone(self.node.poll(), "the node is gone")
        for way in PORTS:
            self.assertEqual(get(way, "/after")[0], 200)
        self.assertEqual(self.agent.violations, [])
        self.assertEqual(self.agent.count("smuggled"), 0)

    def own(self, data):
        """The bytes with a target that no other case has, and that target."""
        Malformed.case_count += 1
        name = f"/c{self.case_count}"
        return data.replace(b"/case", name.encode(), 1), name

    def test_what_is_malformed_is_refused_and_never_forwarded(self):
        for way in PORTS:
            for name, data, right in REFUSED:
                with self.subTest(way=way, case=name):
                    data, target = self.own(data)
                    with Talk(way, data) as talk:
                        answers = talk.all()
                    # A node that closes while a client still sends may lose its answer on the way.
                    if not answers and len(data) > 60_000:
                        answers = [(next(iter(right)), {}, b"")]
                    self.assertEqual(len(answers), 1, answers)
                    self.assertIn(answers[0][0], right, answers)
                    self.assertEqual(talk.data, b"")
                    self.assertEqual(self.agent.count(target), 0)

    def test_it_does_not_matter_in_how_many_pieces_it_comes(self):
        for name, data, right in REFUSED:
            if len(data) > 300:
                continue
            with self.subTest(case=name):
                data, target = self.own(data)
                with Talk("plain") as talk:
                    for i in range(len(data)):
                        talk.send(data[i:i + 1])
                    answers = talk.all()
                self.assertEqual(len(answers), 1, answers)
                self.assertIn(answers[0][0], right)
                self.assertEqual(self.agent.count(target), 0)

    def test_what_is_merely_unusual_is_forwarded_once(self):
        for way in PORTS:
            for name, data in ACCEPTED:
                with self.subTest(way=way, case=name):
                    data, target = self.own(data)
                    behind, next_target = self.own(line(b"GET /case HTTP/1.1"))
                    with Talk(way, data + behind) as talk:
                        first, second = talk.answer(), talk.answer()
                    self.assertEqual([first[0], second[0]], [200, 200])
                    self.assertIn(target, json.loads(first[2])["target"])
                    self.assertEqual(json.loads(second[2])["target"], next_target)
                    # Whole words: /c1 is not /c10.
                    for word in (target, next_target):
                        self.assertEqual(sum(t in (word, "/" + word) for _, t, _, _ in self.agent.seen), 1)

    def test_a_stranger_is_not_believed(self):
        with Talk("plain", field(b"X-Forwarded-For: 192.0.2.7", b"Forwarded: for=192.0.2.7", b"X-Forwarded-Proto: https",
                                 b"X-Forwarded-Host: evil.test", b"Sealane-Hop: x", b"Upgrade: h2c",
                                 b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA", b"Connection: Upgrade, HTTP2-Settings")) as talk:
            fields = json.loads(talk.answer()[2])["fields"]
        text = json.dumps(fields).lower()
        for word in ("192.0.2.7", "evil.test", "sealane-hop", "h2c", "http2-settings"):
            self.assertNotIn(word, text)
        self.assertIn(["x-forwarded-proto", "http"], fields)

    def test_garbage_behind_a_request_is_one_answer_and_one_refusal(self):
        good, bad = (line(b"GET /case HTTP/1.1"), post(b"Content-Length: 3", body=b"abc"), chunked(b"3\r\nabc\r\n0\r\n\r\n")), \
            (b"garbage\r\n\r\n", b"\0\0\0\0\r\n\r\n", post(b"Content-Length: 1", b"Transfer-Encoding: chunked", body=SMUGGLED))
        for way in PORTS:
            for first in good:
                for second in bad:
                    with self.subTest(way=way, first=first, second=second):
                        data, target = self.own(first)
                        with Talk(way, data + second) as talk:
                            answers = talk.all()
                        self.assertEqual([a[0] for a in answers][:1], [200])
                        self.assertEqual(len(answers), 2)
                        self.assertIn(answers[1][0], (400, 501))
                        self.assertEqual(sum(t == target for _, t, _, _ in self.agent.seen), 1)

    def test_the_body_of_what_is_answered_here_is_no_request(self):
        for head in (b"POST /.sealane/ping HTTP/1.1\r\n" + H, b"POST /x HTTP/1.1\r\nHost: other.test\r\n",
                     b"GET /.sealane/ping HTTP/1.1\r\n" + H):
            with Talk("plain", head + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED) as talk:
                self.assertEqual(len(talk.all()), 1)

    # ── ends ─────────────────────────────────────────────────────────────────────────────────────────

    def test_a_request_that_breaks_off_is_not_forwarded_as_whole(self):
        whole = [line(b"GET /case HTTP/1.1"), post(b"Content-Length: 9", body=b"abcdefghi"), chunked(b"9\r\nabcdefghi\r\n0\r\n\r\n")]
        for way in PORTS:
            for data in whole:
                for share in (1, len(data) // 3, len(data) // 2, len(data) - 1):
                    with self.subTest(way=way, data=data, share=share):
                        part, target = self.own(data)
                        part = part[:len(part) - len(data) + share] if share < len(data) else part
                        with Talk(way) as talk:
                            talk.send(part)
                            if way == "plain":
                                talk.socket.shutdown(socket.SHUT_WR)
                            else:
                                talk.socket.unwrap() if share > 1 else talk.socket.close()
                            if talk.socket.fileno() >= 0:
                                self.assertLessEqual(len(talk.all()), 1)
                        self.assertEqual(sum(t == target for _, t, _, _ in self.agent.seen), 0)

    def test_a_client_that_announced_its_last_request_may_half_close(self):
        with Talk("plain", b"GET /half HTTP/1.1\r\n" + H + b"Connection: close\r\n\r\n") as talk:
            talk.socket.shutdown(socket.SHUT_WR)
            self.assertEqual([a[0] for a in talk.all()], [200])

    def test_a_reset_at_any_moment_harms_nobody_else(self):
        data = post(b"Content-Length: 1000", body=b"x" * 1000) + line(b"GET /case HTTP/1.1")
        for at in range(0, len(data), 25):
            with Talk("plain", data[:at]) as talk:
                talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def test_dribblers_are_timed_out_and_do_not_hold_up_others(self):
        slow = [Talk(way) for way in PORTS for _ in range(100)]
        text = b"GET /dribbled HTTP/1.1\r\n" + H + b"X: " + b"a" * 1000
        began, sent = time.monotonic(), 0
        while time.monotonic() - began < 2 and sent < len(text):
            for talk in slow:
                talk.send(text[sent:sent + 1])
            sent += 1
            self.assertEqual(get("plain", "/meanwhile")[0], 200)
        for talk in slow:
            with talk:
                self.assertEqual([a[0] for a in talk.all()][:1] or [408], [408])
        self.assertEqual(self.agent.count("dribbled"), 0)

    def test_a_body_that_stops_coming_is_timed_out(self):
        for data in (post(b"Content-Length: 9", body=b"abc"), chunked(b"9\r\nabc")):
            with Talk("plain", self.own(data)[0]) as talk:
                self.assertEqual([a[0] for a in talk.all()], [408])

    # ── TLS ──────────────────────────────────────────────────────────────────────────────────────────

    def raw_tls(self, data):
        """What the TLS port says to bytes that are not what it expects; ends with its close."""
        with socket.create_connection((IP, PORTS["tls"]), timeout=HANG_S) as s:
            out = b""
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while piece := s.recv(65536):
                    out += piece
            except OSError:
                pass
            return out

    @staticmethod
    def client_hello():
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = TLS.wrap_bio(incoming, outgoing, server_hostname=HOST)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return outgoing.read()

    def test_what_is_no_tls_is_closed(self):
        hello = self.client_hello()
        dice = random.Random(OPTIONS.seed)
        cases = [line(b"GET /case HTTP/1.1"), b"\0" * 300, b"\x16\x03\x01\xff\xff" + b"\0" * 70_000, b"\x80\x2e\x01\x03\x01" + b"\0" * 60,
                 b"\x15\x03\x01\x00\x02\x02\x28", b"\x18\x03\x02\x00\x03\x01\x40\x00", b"\x17\x03\x03\x00\x05abcde",
                 b"\x14\x03\x03\x00\x01\x01", b"\x16\x03\x01\x00\x00" * 1000, hello[:1], hello[:5], hello[:100], hello[:-1], hello * 3]
        cases += [dice.randbytes(dice.randrange(1, 2000)) for _ in range(100)]
        for _ in range(300):
            bent = bytearray(hello)
            for _ in range(dice.randrange(1, 4)):
                bent[dice.randrange(len(bent))] = dice.randrange(256)
            cases.append(bytes(bent))
        for data in cases:
            out = self.raw_tls(data)
            # Nothing but TLS records goes out there, of an alert or a handshake.
            self.assertTrue(out == b"" or out[0] in (0x14, 0x15, 0x16, 0x17), out[:50])

    def test_a_hello_in_single_bytes_is_a_hello(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = TLS.wrap_bio(incoming, outgoing, server_hostname=HOST)
        with socket.create_connection((IP, PORTS["tls"]), timeout=HANG_S) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            def step(what):
                while True:
                    try:
                        return what()
                    except ssl.SSLWantReadError:
                        for byte in outgoing.read():
                            s.sendall(bytes([byte]))
                        incoming.write(s.recv(65536))
            step(tls.do_handshake)
            tls.write(b"GET /hello HTTP/1.1\r\n" + H + b"Connection: close\r\n\r\n")
            self.assertTrue(step(lambda: tls.read(65536)).startswith(b"HTTP/1.1 200 "))

    def test_tls_to_the_plain_port_is_refused(self):
        with Talk("plain", self.client_hello()) as talk:
            self.assertIn([a[0] for a in talk.all()], ([400], [501]))

    def test_handshakes_that_stop_do_not_hold_up_others(self):
        hello = self.client_hello()
        stuck = [socket.create_connection((IP, PORTS["tls"]), timeout=HANG_S) for _ in range(200)]
        for i, s in enumerate(stuck):
            s.sendall(hello[:i % len(hello)])
        for way in PORTS:
            self.assertEqual(get(way, "/meanwhile")[0], 200)
        for s in stuck:
            s.close()

    # ── the cache ────────────────────────────────────────────────────────────────────────────────────

    def test_nothing_unkeyed_changes_what_is_cached_for_others(self):
        tries = [
            "GET {} HTTP/1.1\r\nHost: AGENT.EXAMPLE.TEST.:6666\r\n\r\n",
            f"GET {{}} HTTP/1.1\r\nHost: {IP}\r\n\r\n",
            "GET http://agent.example.test:6666{} HTTP/1.1\r\nHost: evil.test\r\n\r\n",
            "GET http://agent.example.test{} HTTP/1.1\r\nHost: evil.test:6666\r\n\r\n",
            f"GET {{}} HTTP/1.1\r\n{H.decode()}X-Forwarded-Host: evil.test\r\nForwarded: host=evil.test\r\n\r\n",
            f"GET {{}} HTTP/1.1\r\n{H.decode()}X-Forwarded-Proto: evil.test\r\nX-Forwarded-For: evil.test:6666\r\n\r\n",
            f"GET {{}} HTTP/1.1\r\n{H.decode()}Range: bytes=0-1\r\nIf-None-Match: *\r\nX-Y: 1\r\n\r\n",
        ]
        for number, text in enumerate(tries):
            with self.subTest(text=text):
                path = f"/docs/k{number}"
                with Talk("plain", text.format(path).encode()) as talk:
                    talk.answer()
                get("plain", path)  # not every way in is one that stores
                status, fields, body = get("plain", path)
                self.assertEqual((status, fields["x-cache"]), (200, "Hit from sealane"))
                self.assertEqual(json.loads(body)["target"], path)
                # An agent that makes its links from these would hand the first caller's word to everybody.
                for word in ("evil.test", "6666", "AGENT", f'"{IP}"'):
                    self.assertNotIn(word, body.decode())

    def test_keys_do_not_collide(self):
        # /docs/%61 is /docs/a (RFC 3986 6.2.2.2); nothing else here is anything else.
        targets = ["/docs/a", "/docs/a?", "/docs/a?x", "/docs/a/", "/docs//a", "/docs/A", "/docs/a%00", "/docs/a%23",
                   "/docs/a;x", "/docs/./a", "/docs/x/../a", "/docs/a%3Fx", "/docs/a%2Fb", "/docs/a/b"]
        for _ in range(2):
            for target in targets:
                with Talk("plain", f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode("latin-1")) as talk:
                    self.assertEqual(json.loads(talk.answer()[2])["target"], target)

    # ── the agent's side ─────────────────────────────────────────────────────────────────────────────

    def test_a_wrong_answer_is_502_and_a_stray_one_is_nobodys(self):
        for way in PORTS:
            for name, (_, right) in ANSWERS.items():
                with self.subTest(way=way, case=name):
                    with Talk(way, f"POST /answer/{name} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n".encode()) as talk:
                        first = talk.answer()
                        self.assertEqual(first and first[0], right)
                        if right == 200:
                            self.assertEqual(first[2], b"ok")
                    for _ in range(4):
                        with Talk(way, self.own(post(b"Content-Length: 0"))[0]) as talk:
                            after = talk.answer()
                        self.assertEqual(after[0], 200)
                        self.assertNotIn(b"STRAY", after[2])

    # ── by chance ────────────────────────────────────────────────────────────────────────────────────

    def test_requests_changed_by_chance(self):
        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(self.mutation, range(OPTIONS.mutations)))
        # A chance test that only ever sees one outcome tests nothing.
        print({word: done.count(word) for word in set(done)}, flush=True)
        self.assertGreater(done.count("refused"), OPTIONS.mutations // 20)
        self.assertGreater(done.count("answered"), OPTIONS.mutations // 20)
        for target in ("/docs/m1", "/docs/m2"):
            self.assertEqual(json.loads(get("plain", target)[2])["target"], target)

    SEEDS = (
        b"GET /TAG HTTP/1.1\r\nHost: agent.example.test\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
        b"POST /TAG HTTP/1.1\r\nHost: agent.example.test\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world",
        b"POST /TAG HTTP/1.1\r\nHost: agent.example.test\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n",
        b"GET /docs/m1 HTTP/1.1\r\nHost: agent.example.test\r\nX-Tag: TAG\r\nIf-None-Match: \"a\"\r\n\r\n"
        b"GET /docs/m2 HTTP/1.1\r\nHost: agent.example.test\r\nRange: bytes=0-1\r\n\r\n",
        b"GET http://agent.example.test/TAG HTTP/1.1\r\nHost: agent.example.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"PUT /TAG HTTP/1.1\r\nHost: agent.example.test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"
        b"DELETE /TAG2 HTTP/1.0\r\nHost: agent.example.test\r\nConnection: keep-alive\r\n\r\n",
    )
    WORDS = (b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"0\r\n\r\n", b"\r\n\r\n", b"Content-Length: 3\r\n", b"\xff",
             b"Transfer-Encoding: chunked\r\n", b"Host: x\r\n", b"HTTP/1.0", b"-", b"+", b"99999999999999999999", b"0x", SMUGGLED)

    def mutation(self, number):
        dice = random.Random(f"{OPTIONS.seed}/{number}")
        tag = dice.randbytes(6).hex().encode()  # so far from any other's that no change makes it one
        data = dice.choice(self.SEEDS).replace(b"TAG", tag)
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            at, size = dice.randrange(len(data)), dice.randrange(1, 12)
            data = dice.choice((
                lambda: data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1:],
                lambda: data[:at] + data[at + size:],
                lambda: data[:at] + dice.choice(self.WORDS) + data[at:],
                lambda: data[:at] + dice.choice(self.WORDS) + data[at + size:],
                lambda: data[:at + size] + data[at:],
                lambda: data[:at],
                lambda: data[:at] + dice.randbytes(size) + data[at:],
            ))() or b"\r"
        answers = []
        with Talk("tls" if dice.random() < 0.1 else "plain", data) as talk:
            talk.socket.settimeout(0.05)  # what is not whole is not answered: then this side closes
            try:
                while (found := talk.answer()) is not None:
                    answers.append(found[0])
            except AssertionError as e:
                if "within" not in str(e):
                    raise AssertionError(f"seed {OPTIONS.seed}, mutation {number}: {data!r}: {e}") from None
                talk.socket.settimeout(HANG_S)
                if dice.random() < 0.9:
                    try:
                        talk.socket.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                answers += [a[0] for a in talk.all()]
        # A whole request in these bytes that names the smuggled page is there because it was put there.
        with self.agent.lock:
            self.agent.seen = [s for s in self.agent.seen if s[1] != "/smuggled" or SMUGGLED not in data]
            seen = [s for s in self.agent.seen if tag.decode() in s[1]]
        told = f"seed {OPTIONS.seed}, mutation {number}: {data!r} -> {answers}, the agent saw {seen}"
        self.assertLessEqual(len(seen), data.count(tag), told)
        self.assertTrue(all(a in (200, 206, 304, 400, 404, 405, 408, 413, 414, 417, 421, 431, 501, 505) for a in answers), told)
        # Behind a refusal there is nothing.
        self.assertTrue(all(a in (200, 206, 304, 404, 405) for a in answers[:-1]), told)
        return "refused" if answers and answers[-1] >= 400 else "answered" if answers else "closed"


def until(done, what):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if done():
                return
        except (OSError, TypeError):
            pass
        time.sleep(0.02)
    raise AssertionError(f"waited a minute for {what}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("build", nargs="?", default="build/dev")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutations", type=int, default=2000)
    OPTIONS, rest = parser.parse_known_args()
    PROGRAM = os.path.abspath(os.path.join(OPTIONS.build, "sealane"))
    own_machine.enter(needed=False)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
