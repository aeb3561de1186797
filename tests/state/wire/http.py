# SPDX-License-Identifier: Apache-2.0
"""HTTP itself: long and cut bodies, chunks, pipelines, connections that stay and that end."""
import contextlib
import gzip
import http.client
import socket
import ssl
import zlib

from subject import HOST, Case, connection, raw, rows, send
from wire.signer import TARGET, ask, sign

REQUEST_MAX = 16 * 1024 * 1024


@contextlib.contextmanager
def plug(timeout=20):
    """A bare connection: what to write, and a reader of answers."""
    with socket.create_connection((HOST.hostname, HOST.port), timeout) as bare:
        if HOST.scheme == "https":
            bare = ssl.create_default_context().wrap_socket(bare, server_hostname=HOST.hostname)
        yield bare


def bytes_of(headers, body=b"", method="POST", path="/"):
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_answer(reader):
    status = int(reader.readline().split()[1])
    headers = http.client.parse_headers(reader)
    return status, headers, reader.read(int(headers.get("Content-Length", 0)))


def with_length(body, **how):
    return {**sign(body, **how), "Content-Length": str(len(body))}


class Connections(Case):
    def alive(self):
        self.assertEqual(ask().status, 200)

    def test_one_connection_serves_many(self):
        with contextlib.closing(connection()) as one:
            for _ in range(50):
                one.request("POST", "/", b"{}", sign())
                answer = one.getresponse()
                self.assertEqual((answer.status, "TableNames" in answer.read().decode()), (200, True))

    def test_a_refusal_keeps_the_connection(self):
        with contextlib.closing(connection()) as one:
            for target, status in (("DynamoDB_20120810.MakeTea", 400), (TARGET, 200)) * 3:
                one.request("POST", "/", b"{}", sign(headers={"X-Amz-Target": target}))
                answer = one.getresponse()
                answer.read()
                self.assertEqual(answer.status, status)

    def test_close_is_obeyed(self):
        with plug() as bare:
            bare.sendall(bytes_of({**with_length(b"{}"), "Connection": "close"}, b"{}"))
            reader = bare.makefile("rb")
            status, headers, _ = read_answer(reader)
            self.assertEqual((status, headers["Connection"].lower()), (200, "close"))
            self.assertEqual(reader.read(), b"")

    def test_pipelined_requests_are_answered_in_order(self):
        bodies = [b'{"Limit": %d}' % limit for limit in (1, 0, 2, 101, 3)]
        with plug() as bare:
            bare.sendall(b"".join(bytes_of(with_length(body), body) for body in bodies))
            reader = bare.makefile("rb")
            self.assertEqual([read_answer(reader)[0] for _ in bodies], [200, 400, 200, 400, 200])

    def test_a_request_in_small_pieces(self):
        whole = bytes_of(with_length(b'{"Limit": 1}'), b'{"Limit": 1}')
        with plug() as bare:
            bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for start in range(0, len(whole), 7):
                bare.sendall(whole[start:start + 7])
            self.assertEqual(read_answer(bare.makefile("rb"))[0], 200)

    def test_chunked_body(self):
        body = b'{"Limit": 1}'
        with contextlib.closing(connection()) as one:
            one.request("POST", "/", iter([body[:5], body[5:]]), {**sign(body), "Transfer-Encoding": "chunked"}, encode_chunked=True)
            answer = one.getresponse()
            self.assertEqual((answer.status, b"TableNames" in answer.read()), (200, True))

    def test_expect_100_continue(self):
        body = b'{"Limit": 1}'
        with plug() as bare:
            bare.sendall(bytes_of({**with_length(body), "Expect": "100-continue"}))
            reader = bare.makefile("rb")
            self.assertRegex(reader.readline(), rb"^HTTP/1\.1 100 ")
            while reader.readline().strip():
                pass
            bare.sendall(body)
            self.assertEqual(read_answer(reader)[0], 200)

    def test_a_cut_body_is_no_request(self):
        with plug() as bare:
            bare.sendall(bytes_of({**sign(b"{}"), "Content-Length": "100"}, b"{}"))
            bare.shutdown(socket.SHUT_WR)
            answer = bare.makefile("rb").read()
            self.assertFalse(answer.startswith(b"HTTP/1.1 200"), answer[:200])
        self.alive()

    @rows(("garbage", b"\x00\x01\x02\r\n\r\n"), ("tls", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x00" * 160),
          ("no version", b"POST /\r\n\r\n"), ("two lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
          ("length and chunks", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
          ("negative length", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
          ("bad chunk", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
          ("long header", b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n"))
    def test_what_is_no_http_does_no_harm(self, data):
        with plug() as bare:
            with contextlib.suppress(ConnectionError):
                bare.sendall(data)
                bare.shutdown(socket.SHUT_WR)
                answer = bare.makefile("rb").read()
                self.assertFalse(answer.startswith(b"HTTP/1.1 200"), answer[:200])
        self.alive()


class Bodies(Case):
    def test_an_item_of_400_kib(self):
        body = "x" * (400 * 1024 - len("pk") - len(self.pk) - len("body"))
        answer = raw("PutItem", {"TableName": self.table, "Item": {"pk": {"S": self.pk}, "body": {"S": body}}})
        self.assertEqual(answer.status, 200, answer.body[:200])
        self.assertEqual(raw("GetItem", {"TableName": self.table, "Key": {"pk": {"S": self.pk}}}).json["Item"]["body"]["S"], body)

    def test_16_mebibytes_are_read(self):
        body = b'{"Limit": 1}'
        answer = ask(body + b" " * (REQUEST_MAX - len(body)))
        self.assertEqual(answer.status, 200, answer.body[:200])

    def test_one_byte_more_is_not(self):
        body = b'{"Limit": 1}'
        try:
            answer = ask(body + b" " * (REQUEST_MAX + 1 - len(body)))
            self.assertIn(answer.status, (400, 413))
        except (ConnectionError, http.client.RemoteDisconnected):
            pass  # it need not listen to the end
        self.assertEqual(ask().status, 200)

    def test_a_length_that_is_never_sent_is_not_waited_for(self):
        with plug() as bare:
            bare.sendall(bytes_of({**sign(b"{}"), "Content-Length": str(10 ** 12)}, b"{}"))
            with contextlib.suppress(ConnectionError):
                bare.shutdown(socket.SHUT_WR)
                self.assertFalse(bare.makefile("rb").read().startswith(b"HTTP/1.1 200"))
        self.assertEqual(ask().status, 200)

    def test_a_compressed_request_is_understood_or_refused(self):
        body = gzip.compress(b'{"Limit": 1}')
        answer = send(body, sign(body, headers={"Content-Encoding": "gzip"}))
        self.assertIn(answer.status, (200, 400, 415), answer.body[:200])

    def test_a_compressed_bomb_does_no_harm(self):
        body = gzip.compress(b" " * (64 * 1024 * 1024))
        answer = send(body, sign(body, headers={"Content-Encoding": "gzip"}))
        self.assertIn(answer.status, (400, 413, 415), answer.body[:200])
        self.assertEqual(ask().status, 200)

    def test_an_answer_is_compressed_only_when_asked(self):
        for headers in ({}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip"}):
            answer = ask(headers=headers)
            self.assertEqual(answer.headers["x-amz-crc32"], str(zlib.crc32(answer.body)))
            if "gzip" not in headers.get("Accept-Encoding", ""):
                self.assertIsNone(answer.headers["Content-Encoding"])


class OtherMethods(Case):
    def test_get_tells_of_health_or_nothing(self):
        answer = send(None, {}, method="GET")
        if answer.status == 200:  # as AWS does; who has other means of telling need not
            self.assertRegex(answer.body.decode(), r"^healthy: dynamodb\.")
        else:
            self.assertTrue(400 <= answer.status < 500, answer.status)

    def test_head_has_no_body(self):
        self.assertEqual(send(None, {}, method="HEAD").body, b"")

    @rows(*((method, method) for method in ("PUT", "DELETE", "PATCH")))
    def test_others_are_not_answered_as_post(self, method):
        answer = send(b"{}", sign(method=method), method=method)
        self.assertTrue(400 <= answer.status < 500, answer.status)
        self.assertNotIn(b"TableNames", answer.body)
