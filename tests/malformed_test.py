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
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import own_machine
from malformed.agent import ANSWERS, Agent
from malformed.client import HANG_S, HOST, IP, PORTS, TLS, Talk, get
from malformed.requests import ACCEPTED, REFUSED, SMUGGLED, H, chunked, field, line, post

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


class Malformed(unittest.TestCase):
    case_count = 0

    @classmethod
    def setUpClass(cls):
        cls.agent = Agent((IP, 9001))
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
