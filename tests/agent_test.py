#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo agent as real clients see it: curl and Python's http.client, streams, drains, and a model behind it.

    tests/agent_test.py build/dev

Every agent started here listens on a port of 127.24.0.1 that the kernel chose.
"""
import http.client
import http.server
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

PROGRAM = os.path.abspath(os.path.join(sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev", "sealane-demo-agent"))
HOST = "127.24.0.1"


def free_port():
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


class Agent:
    """One running agent; stops with the `with` block."""

    def __init__(self, *arguments, env=None):
        self.port = free_port()
        self.process = subprocess.Popen(
            [PROGRAM, "--listen", f"{HOST}:{self.port}", *arguments],
            stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        line = self.process.stderr.readline()
        assert "listening" in line, line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def connect(self, timeout=10):
        return http.client.HTTPConnection(HOST, self.port, timeout=timeout)

    def ask(self, method, path, body=None, headers=None):
        c = self.connect()
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        data = r.read()
        c.close()
        return r.status, r.headers, data

    def turn(self, prompt, session, **more):
        status, _, data = self.ask("POST", "/agent", json.dumps({"prompt": prompt, "sessionId": session, **more}))
        assert status == 200, data
        return json.loads(data)


def events(stream):
    """(event, id, data) of a text/event-stream as they come."""
    event = ident = data = None
    for raw in stream:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            event = line[7:]
        elif line.startswith("id: "):
            ident = line[4:]
        elif line.startswith("data: "):
            data = line[6:]
        elif not line and data is not None:
            yield event, ident, json.loads(data)
            event = ident = data = None


class Answers(unittest.TestCase):
    def test_curl_without_content_type(self):
        with Agent("--region", "us-east-1") as a:
            out = subprocess.run(
                ["curl", "-sS", "-i", "-X", "POST", "-H", "Content-Type:", "--data", '{"prompt":"6*7","sessionId":"c"}',
                 f"http://{HOST}:{a.port}/agent"], capture_output=True, text=True, check=True).stdout
            head, body = out.split("\n\n", 1) if "\n\n" in out else out.split("\r\n\r\n", 1)
            self.assertTrue(head.startswith("HTTP/1.1 200 "), head)
            self.assertEqual(json.loads(body)["reply"], "6*7 = 42")
            self.assertEqual(json.loads(body)["region"], "us-east-1")

    def test_region_from_the_environment(self):
        with Agent(env={"SEALANE_REGION": "eu-west-1"}) as a:
            self.assertEqual(a.turn("which region are you in?", "s")["reply"], "I am answering from eu-west-1.")

    def test_a_conversation(self):
        with Agent() as a:
            self.assertEqual(a.turn("what is anycast?", "s")["turn"], 1)
            self.assertEqual(a.turn("6*7", "s")["turn"], 2)
            self.assertEqual(a.turn("double that", "s")["reply"], "(42) * 2 = 84")
            answer = a.turn("what did I ask first?", "s")
            self.assertEqual(answer["reply"], 'You first asked: "what is anycast?"')
            self.assertTrue(answer["continued"])
            self.assertEqual(a.turn("what did I ask first?", "other")["turn"], 1)

    def test_health_ping_tools_docs_and_errors(self):
        with Agent() as a:
            status, headers, data = a.ask("GET", "/health")
            self.assertEqual((status, json.loads(data)["status"]), (200, "ok"))
            status, headers, data = a.ask("GET", "/ping")
            self.assertEqual((status, data), (204, b""))
            self.assertEqual(headers["Timing-Allow-Origin"], "*")
            self.assertNotIn("Content-Length", headers)
            status, headers, data = a.ask("GET", "/docs/failover")
            self.assertEqual(status, 200)
            self.assertIn(b"<h1>Failover</h1>", data)
            status, again, data = a.ask("GET", "/docs/failover", headers={"If-None-Match": headers["ETag"]})
            self.assertEqual((status, data), (304, b""))
            status, headers, data = a.ask("HEAD", "/tools")
            self.assertEqual((status, data), (200, b""))
            self.assertGreater(int(headers["Content-Length"]), 100)
            self.assertEqual(a.ask("GET", "/nowhere")[0], 404)
            self.assertEqual(a.ask("POST", "/agent", "not json")[0], 400)
            self.assertEqual(a.ask("POST", "/agent", b"x" * (256 << 10))[0], 400)
            self.assertEqual(a.ask("POST", "/agent", b"x" * ((256 << 10) + 1))[0], 413)

    def test_preflight_of_a_browser(self):
        with Agent() as a:
            status, headers, _ = a.ask("OPTIONS", "/agent", headers={
                "Origin": "https://app.test", "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type"})
            self.assertEqual(status, 204)
            self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
            self.assertEqual(headers["Access-Control-Allow-Headers"], "content-type")

    def test_keep_alive_and_pipelining(self):
        with Agent() as a:
            s = socket.create_connection((HOST, a.port), timeout=10)
            s.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 199 + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            data = b""
            while piece := s.recv(65536):
                data += piece
            s.close()
            self.assertEqual(data.count(b"HTTP/1.1 204 "), 199)
            self.assertEqual(data.count(b"HTTP/1.1 200 OK"), 1)

    def test_a_request_in_single_bytes(self):
        with Agent() as a:
            s = socket.create_connection((HOST, a.port), timeout=10)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            body = b'{"prompt":"2+2"}'
            for b in b"POST /agent HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body):
                s.sendall(bytes([b]))
            s.shutdown(socket.SHUT_WR)  # half closed: the answer still comes
            data = b""
            while piece := s.recv(65536):
                data += piece
            s.close()
            self.assertIn(b"2+2 = 4", data)

    def test_what_is_not_http_is_refused(self):
        with Agent() as a:
            s = socket.create_connection((HOST, a.port), timeout=10)
            s.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            answer = s.recv(65536)
            s.close()
            self.assertRegex(answer, b"^HTTP/1.1 (400|501) ")

    def test_told_to_fail(self):
        with Agent() as a:
            self.assertEqual(a.ask("POST", "/admin/health?status=503&for=60s")[0], 200)
            self.assertEqual(a.ask("GET", "/health")[0], 503)
            self.assertEqual(a.turn("2+2", "s")["reply"], "2+2 = 4")  # a brown-out: only the check fails
            self.assertEqual(a.ask("POST", "/admin/health?status=200")[0], 200)
            self.assertEqual(a.ask("GET", "/health")[0], 200)
            self.assertEqual(a.ask("POST", "/admin/health?status=503", headers={"Via": "1.1 edge"})[0], 403)

    def test_delay(self):
        with Agent("--delay", "150ms") as a:
            began = time.monotonic()
            a.turn("2+2", "s")
            self.assertGreaterEqual(time.monotonic() - began, 0.15)
            began = time.monotonic()
            self.assertEqual(a.ask("GET", "/health")[0], 200)
            self.assertLess(time.monotonic() - began, 0.15)


class Streams(unittest.TestCase):
    def test_tokens_come_one_by_one(self):
        with Agent("--token-interval", "30ms", "--region", "us-east-1") as a:
            c = a.connect()
            c.request("POST", "/agent", json.dumps({"prompt": "explain failover", "sessionId": "s"}),
                      {"Accept": "text/event-stream"})
            r = c.getresponse()
            self.assertEqual(r.headers["Content-Type"], "text/event-stream")
            times, tokens, done = [], "", None
            for event, ident, data in events(r):
                times.append(time.monotonic())
                if event == "token":
                    self.assertEqual(ident, f"1-{len(times)}")
                    tokens += data["token"]
                else:
                    done = data
            self.assertEqual(done["reply"], tokens)
            self.assertEqual((done["sessionId"], done["turn"], done["region"]), ("s", 1, "us-east-1"))
            self.assertGreater(len(times), 20)
            self.assertGreater(times[-1] - times[0], 0.03 * (len(times) - 2) * 0.9)
            # The connection lives on, and the session knows the reply.
            c.request("POST", "/agent", json.dumps({"prompt": "what did you say?", "sessionId": "s"}))
            self.assertEqual(json.loads(c.getresponse().read())["reply"], "I said: " + tokens)
            c.close()

    def test_two_hundred_at_once_stay_smooth(self):
        with Agent("--token-interval", "20ms") as a:
            sockets = []
            body = b'{"prompt":"explain health checks","stream":true}'
            for _ in range(200):
                s = socket.create_connection((HOST, a.port), timeout=20)
                s.sendall(b"POST /agent HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                sockets.append(s)
            selector = selectors.DefaultSelector()
            state = {}
            for s in sockets:
                s.setblocking(False)
                selector.register(s, selectors.EVENT_READ)
                state[s] = [b"", []]  # bytes, times of tokens
            left = len(sockets)
            while left:
                for key, _ in selector.select(20):
                    piece = key.fileobj.recv(65536)
                    entry = state[key.fileobj]
                    if not piece:
                        selector.unregister(key.fileobj)
                        left -= 1
                        continue
                    entry[0] += piece
                    entry[1].append(time.monotonic())
            gaps = []
            for s, (data, times) in state.items():
                self.assertIn(b"event: done", data)
                self.assertTrue(data.endswith(b"0\r\n\r\n"))
                gaps += [b - a for a, b in zip(times, times[1:])]
                s.close()
            gaps.sort()
            p50, p99 = gaps[len(gaps) // 2], gaps[len(gaps) * 99 // 100]
            print(f"200 streams, 20 ms: gaps p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, most {gaps[-1] * 1e3:.1f} ms")
            self.assertLess(abs(p50 - 0.02), 0.01)
            self.assertLess(p99, 0.1)

    def test_a_client_that_goes_away_or_reads_nothing_harms_nobody(self):
        with Agent("--token-interval", "1ms") as a:
            for _ in range(50):
                s = socket.create_connection((HOST, a.port), timeout=10)
                s.sendall(b'POST /agent HTTP/1.1\r\nHost: x\r\nContent-Length: 36\r\n\r\n{"prompt":"what is DNS","stream":1 }')
                s.sendall(b'POST /agent HTTP/1.1\r\nHost: x\r\nContent-Length: 39\r\n\r\n{"prompt":"what is DNS","stream": true}')
                s.close()
            self.assertEqual(a.turn("2+2", "s")["reply"], "2+2 = 4")
            self.assertIsNone(a.process.poll())

    def test_sigterm_finishes_what_is_under_way(self):
        with Agent("--token-interval", "20ms") as a:
            idle = a.connect()
            idle.request("GET", "/ping")
            idle.getresponse().read()
            c = a.connect()
            c.request("POST", "/agent", json.dumps({"prompt": "explain caching", "stream": True}))
            r = c.getresponse()
            stream = events(r)
            self.assertEqual(next(stream)[0], "token")
            a.process.send_signal(signal.SIGTERM)
            self.assertEqual(idle.sock.recv(1), b"")  # idle connections are closed at once
            self.assertEqual([e for e, _, _ in stream][-1], "done")
            self.assertEqual(a.process.wait(5), 0)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection((HOST, a.port), timeout=5)
            idle.close()
            c.close()


class FakeModel(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that streams a fixed answer, and remembers what it was asked."""
    protocol_version = "HTTP/1.1"
    asked = []
    fail = 0
    break_off = False

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        FakeModel.asked.append((self.path, self.headers.get("Authorization"), body))
        if FakeModel.fail:
            self.send_error(FakeModel.fail)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        parts = [json.dumps({"choices": [{"delta": {"role": "assistant", "content": ""}}]})]
        parts += [json.dumps({"choices": [{"delta": {"content": word}}]}) for word in ("All", " is", " w\u00e9ll.")]
        if not FakeModel.break_off:
            parts.append("[DONE]")
        for part in parts:
            event = f"data: {part}\n\n".encode()
            for piece in (event[:7], event[7:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_):
        pass


class RemoteModel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer((HOST, 0), FakeModel)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.url = f"http://{HOST}:{cls.server.server_port}/v1"

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self):
        FakeModel.asked.clear()
        FakeModel.fail, FakeModel.break_off = 0, False

    def agent(self):
        return Agent("--model-url", self.url, "--model", "tiny", "--model-key-env", "TEST_KEY", env={"TEST_KEY": "k123"})

    def test_turns_are_sent_along_and_tokens_pass_through(self):
        with self.agent() as a:
            self.assertEqual(a.turn("hello", "s")["reply"], "All is w\u00e9ll.")
            c = a.connect()
            c.request("POST", "/agent", json.dumps({"prompt": "again", "sessionId": "s", "stream": True}))
            got = list(events(c.getresponse()))
            self.assertEqual([d["token"] for e, _, d in got if e == "token"], ["All", " is", " w\u00e9ll."])
            self.assertEqual(got[-1][0], "done")
            path, key, body = FakeModel.asked[-1]
            self.assertEqual((path, key, body["model"], body["stream"]), ("/v1/chat/completions", "Bearer k123", "tiny", True))
            self.assertEqual([(m["role"], m["content"]) for m in body["messages"][1:]],
                             [("user", "hello"), ("assistant", "All is w\u00e9ll."), ("user", "again")])
            c.close()

    def test_its_failure_is_a_clear_error(self):
        with self.agent() as a:
            FakeModel.fail = 429
            status, _, data = a.ask("POST", "/agent", '{"prompt":"x"}')
            self.assertEqual(status, 502)
            self.assertIn("429", json.loads(data)["error"]["message"])
            FakeModel.fail, FakeModel.break_off = 0, True
            status, _, data = a.ask("POST", "/agent", '{"prompt":"x","stream":true}')
            self.assertIn(b"event: error\n", data)
            self.assertIn(b"broke off", data)
            self.assertNotIn(b"event: done", data)

    def test_nobody_there(self):
        with Agent("--model-url", f"http://{HOST}:{free_port()}/v1") as a:
            self.assertEqual(a.ask("POST", "/agent", '{"prompt":"x"}')[0], 502)
            self.assertEqual(a.ask("GET", "/health")[0], 200)


class CommandLine(unittest.TestCase):
    def test_mistakes_are_exit_code_2_and_say_what_to_do(self):
        for arguments, word in ((["--listen", "nowhere"], "nowhere"), (["--delay", "soon"], "durations"),
                                (["--model-url", "ftp://x"], "http://")):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=1)
