#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HTTP edge of two real nodes, with curl and plain sockets as clients and agents that die in all ways.

    tests/edge_test.py build/dev

The world lives on 127.21.1.1 and 127.21.2.1; each test begins with everything up.
"""
import base64
import hashlib
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HOST = "agent.example.test"
NODES = {"us-east-1": "127.21.1.1", "eu-west-1": "127.21.2.1"}
WORLD = """
domain: agent.example.test
lanes: 2
regions:
  us-east-1:
    nodes: [127.21.1.1]
    agents:
      - url: http://127.21.1.1:9001
      - url: http://127.21.1.1:9002
  eu-west-1:
    nodes: [127.21.2.1]
    agents:
      - url: http://127.21.2.1:9001
routing:
  policy: latency
  failover: [us-east-1, eu-west-1]
health: { path: /health, interval: 50ms, timeout: 100ms, failures: 3 }
edge:
  viewer_protocol: allow-all
  cache:
    - { path: "/docs/*", ttl: { min: 60s, default: 300s, max: 1h } }
"""
AGENTS = {"127.21.1.1:9001": "us1", "127.21.1.1:9002": "us2", "127.21.2.1:9001": "eu1"}


# ── the agents: this file run with --agent ───────────────────────────────────────────────────────────

class AgentHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = "?"
    counts = {}
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def say(self, body, **fields):
        data = body if isinstance(body, bytes) else body.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Agent", self.name)
        for key, value in fields.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def chunk(self, text):
        self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())
        self.wfile.flush()

    def do_GET(self):
        path = self.path.split("?")[0]
        with self.lock:
            self.counts[path] = self.counts.get(path, 0) + 1
            seen = self.counts[path]
        if path == "/count":
            return self.say(json.dumps(self.counts))
        if path.startswith("/docs/slow"):
            time.sleep(0.5)
        if path.startswith("/docs/"):
            return self.say(f"{path} {seen}", ETag='"v1"')
        if path == "/large":
            return self.say(b"x" * 3_000_000)
        if path == "/hang":
            time.sleep(3600)
        if path == "/sse":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            number = 0
            while True:
                self.chunk(f"data: {self.name} {number}\n\n")
                number += 1
                time.sleep(0.1)
        if path == "/ws":
            key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            self.wfile.write(("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
            while data := self.connection.recv(4096):
                self.connection.sendall(data.upper())
            self.close_connection = True
            return None
        return self.say(json.dumps({"agent": self.name, "headers": dict(self.headers)}))

    do_HEAD = do_GET

    def do_POST(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().strip(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/hang":
            time.sleep(3600)
        self.say(hashlib.sha256(body).hexdigest())


class AgentServer(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


def run_agent(address):
    ip, port = address.split(":")
    AgentHandler.name = AGENTS[address]
    AgentServer((ip, int(port)), AgentHandler).serve_forever()


# ── the world ────────────────────────────────────────────────────────────────────────────────────────

class World:
    def __init__(self, program):
        self.program, self.processes = program, {}
        self.directory = tempfile.TemporaryDirectory(prefix="edge_test.")
        self.file = os.path.join(self.directory.name, "world.yaml")
        with open(self.file, "w") as out:
            out.write(WORLD)

    def start(self, name, *argv):
        log = open(os.path.join(self.directory.name, name.replace(":", "_") + ".log"), "ab")
        self.processes[name] = subprocess.Popen(argv, stdout=log, stderr=log)
        log.close()

    def start_agent(self, address):
        self.start(address, sys.executable, os.path.abspath(__file__), "--agent", address)

    def start_node(self, region):
        self.start(region, self.program, "serve", "--world", self.file, "--region", region,
                   "--data", os.path.join(self.directory.name, "data-" + region))

    def all_up(self):
        for address in AGENTS:
            if address not in self.processes or self.processes[address].poll() is not None:
                self.start_agent(address)
        for region in NODES:
            if region not in self.processes or self.processes[region].poll() is not None:
                self.start_node(region)
        until(lambda: all(self.serves(region) for region in NODES), "all regions serve")

    def serves(self, region):
        """Every endpoint is healthy in this node's eyes."""
        try:
            c = http.client.HTTPConnection(NODES[region], 8901, timeout=1)
            c.request("GET", "/status")
            text = c.getresponse().read().decode()
            c.close()
            c = http.client.HTTPConnection(NODES[region], 8080, timeout=1)
            c.request("GET", "/.sealane/ping")
            status = c.getresponse().status
            c.close()
            return status == 204 and '"healthy":false' not in text.replace(" ", "")
        except OSError:
            return False

    def signal(self, name, number):
        self.processes[name].send_signal(number)
        if number == signal.SIGKILL:
            self.processes[name].wait()

    def stop(self):
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
        self.directory.cleanup()


def until(done, what, seconds=60):  # probes of a busy machine fail now and then
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def curl(*argv, code=0):
    done = subprocess.run(["curl", "-s", "-m", "20", *argv], capture_output=True)
    assert done.returncode == code, (argv, done.returncode, done.stderr)
    return done.stdout


def ask(path, region="us-east-1", method="GET", body=None, fields=None, timeout=10):
    c = http.client.HTTPConnection(NODES[region], 8080, timeout=timeout)
    c.request(method, path, body, {"Host": HOST, **(fields or {})})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r, data


def raw(text, region="us-east-1", port=8080):
    with socket.create_connection((NODES[region], port), timeout=10) as s:
        s.sendall(text)
        out = b""
        while data := s.recv(65536):
            out += data
        return out


class Edge(unittest.TestCase):
    world: World

    @classmethod
    def setUpClass(cls):
        cls.world = World(PROGRAM)

    @classmethod
    def tearDownClass(cls):
        cls.world.stop()

    def setUp(self):
        self.world.all_up()

    def test_curl_gets_an_answer_over_http_and_https(self):
        for url in ("http://127.21.1.1:8080/", "https://127.21.1.1:8443/"):
            out = json.loads(curl("-k", "-H", f"Host: {HOST}", url))
            self.assertIn(out["agent"], ("us1", "us2"))
            self.assertEqual(out["headers"]["X-Forwarded-Proto"], url.split(":")[0])
            self.assertEqual(out["headers"]["X-Forwarded-For"], "127.0.0.1")

    def test_bodies_survive_whatever_their_size_and_framing(self):
        body = os.urandom(5_000_000)
        want = hashlib.sha256(body).hexdigest().encode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            for lines in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
                got = curl("-H", f"Host: {HOST}", "--data-binary", f"@{file.name}", *lines, "http://127.21.1.1:8080/p")
                self.assertEqual(got, want)
        self.assertEqual(len(curl("-H", f"Host: {HOST}", "http://127.21.1.1:8080/large")), 3_000_000)

    def test_many_requests_on_one_connection(self):
        c = http.client.HTTPConnection(NODES["us-east-1"], 8080, timeout=10)
        for _ in range(50):
            c.request("GET", "/x", headers={"Host": HOST})
            self.assertEqual(c.getresponse().read()[:10], b'{"agent": ')
        c.close()
        one = f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        last = f"GET /x HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
        self.assertEqual(raw(one * 20 + last).count(b"HTTP/1.1 200 OK"), 21)

    def test_smuggling_is_refused(self):
        for lines in ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
                      "Content-Length : 5\r\n", "X: a\r\n b\r\n", "X: a\nY: b\r\n"):
            out = raw(f"POST / HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n0\r\n\r\n".encode())
            self.assertTrue(out.startswith(b"HTTP/1.1 400 "), (lines, out))

    def test_a_hit_is_shared_by_lanes_and_coalesced(self):
        path = f"/docs/slow/{time.time_ns()}"
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(ask(path))) for _ in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        bodies = {data for _, data in answers}
        # One question a lane at the most; which agent they went to is chance.
        self.assertLessEqual(len(answers) - sum(r.getheader("X-Cache") == "Hit from sealane" for r, _ in answers), 2)
        self.assertLessEqual(len(bodies), 2)
        for _ in range(10):
            r, _ = ask(path)
            self.assertEqual(r.getheader("X-Cache"), "Hit from sealane")
            self.assertLess(int(r.getheader("Age")), 10)
        self.assertEqual(ask(path, fields={"If-None-Match": '"v1"'})[0].status, 304)

    def test_a_web_socket_talks_both_ways(self):
        with socket.create_connection((NODES["us-east-1"], 8080), timeout=10) as s:
            s.sendall(f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            head = s.recv(4096)
            self.assertIn(b"101 Switching Protocols", head)
            self.assertIn(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", head)
            for word in (b"hello", b"agent"):
                s.sendall(word)
                self.assertEqual(s.recv(4096), word.upper())

    def test_a_killed_agent_is_not_noticed_by_users(self):
        self.world.signal("127.21.1.1:9001", signal.SIGKILL)
        for _ in range(20):
            r, data = ask("/x", method="GET")
            self.assertEqual((r.status, json.loads(data)["agent"]), (200, "us2"))
            self.assertEqual(ask("/p", method="POST", body=b"abc")[0].status, 200)

    def test_when_a_region_has_no_agents_left_the_other_serves(self):
        self.world.signal("127.21.1.1:9001", signal.SIGKILL)
        self.world.signal("127.21.1.1:9002", signal.SIGKILL)
        r, data = ask("/x")
        self.assertEqual((r.status, json.loads(data)["agent"]), (200, "eu1"))
        self.assertEqual(r.getheader("Sealane-Region"), "eu-west-1")
        self.assertEqual(ask("/p", method="POST", body=b"abc")[0].status, 200)
        headers = json.loads(ask("/x")[1])["headers"]
        self.assertNotIn("Sealane-Hop", headers)  # a matter between nodes
        self.assertEqual(headers["X-Forwarded-For"], "127.0.0.1, 127.21.1.1")

    def test_when_nobody_is_left_there_is_a_clean_error_and_no_loop(self):
        for address in AGENTS:
            self.world.signal(address, signal.SIGKILL)
        started = time.monotonic()
        r, data = ask("/x")
        self.assertLess(time.monotonic() - started, 2)
        self.assertIn(r.status, (502, 503, 504))
        self.assertEqual(r.getheader("Content-Type"), "application/problem+json")
        self.assertEqual(json.loads(data)["status"], r.status)

    def test_requests_on_a_frozen_agent_move_on_within_a_second(self):
        self.world.signal("127.21.1.1:9001", signal.SIGSTOP)
        self.world.signal("127.21.1.1:9002", signal.SIGSTOP)
        try:
            started = time.monotonic()
            r, data = ask("/x")
            took = time.monotonic() - started
            self.assertEqual((r.status, json.loads(data)["agent"]), (200, "eu1"))
            self.assertLess(took, 1.0)
        finally:
            self.world.signal("127.21.1.1:9001", signal.SIGCONT)
            self.world.signal("127.21.1.1:9002", signal.SIGCONT)

    def test_a_post_on_a_frozen_agent_gets_its_error_within_a_second(self):
        got = []

        def post():
            started = time.monotonic()
            r, data = ask("/hang", method="POST", body=b"abc")
            got.append((r.status, json.loads(data), time.monotonic() - started))
        thread = threading.Thread(target=post)
        thread.start()
        time.sleep(0.2)
        for address in ("127.21.1.1:9001", "127.21.1.1:9002"):
            self.world.signal(address, signal.SIGSTOP)
        thread.join()
        for address in ("127.21.1.1:9001", "127.21.1.1:9002"):
            self.world.signal(address, signal.SIGCONT)
        status, problem, took = got[0]
        self.assertEqual((status, problem["region"]), (504, "us-east-1"))
        self.assertLess(took, 1.2)

    def test_an_event_stream_comes_at_once_and_ends_in_words(self):
        c = http.client.HTTPConnection(NODES["us-east-1"], 8080, timeout=10)
        started = time.monotonic()
        c.request("GET", "/sse", headers={"Host": HOST})
        r = c.getresponse()
        first = r.readline()
        self.assertLess(time.monotonic() - started, 0.5)
        agent = first.split()[1].decode()
        address = next(a for a, name in AGENTS.items() if name == agent)
        self.world.signal(address, signal.SIGKILL)
        rest = r.read().decode()  # to its proper end
        c.close()
        self.assertIn("retry: 500\nevent: error\ndata: {", rest)
        self.assertIn('"region":"us-east-1"', rest)

    def test_a_killed_node_is_no_trouble_for_users_of_the_other(self):
        self.world.signal("eu-west-1", signal.SIGKILL)
        for _ in range(10):
            self.assertEqual(ask("/x")[0].status, 200)

    def test_a_node_that_is_told_to_stop_finishes_what_is_under_way(self):
        got = []
        thread = threading.Thread(target=lambda: got.append(ask(f"/docs/slow/{time.time_ns()}", "eu-west-1")))
        thread.start()
        time.sleep(0.1)
        self.world.signal("eu-west-1", signal.SIGTERM)
        thread.join()
        self.assertEqual(got[0][0].status, 200)
        self.assertEqual(self.world.processes["eu-west-1"].wait(20), 0)


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "--agent":
        run_agent(sys.argv[2])
    PROGRAM = os.path.abspath(os.path.join(sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev", "sealane"))
    unittest.main(verbosity=2)
