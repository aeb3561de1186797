# SPDX-License-Identifier: Apache-2.0
"""A two-region world of its own for a test: `sealane up` on addresses 127.A.0.1 and 127.B.0.1."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import dns.edns
import dns.message
import dns.query
import dns.rdatatype

DOMAIN = "agent.example.test"
REGIONS = ("us-east-1", "eu-west-1")


class LiveWorld:
    """Runs in a `with` block; everything it started is gone at the end of it."""

    def __init__(self, build, first_octet, health=None, edge="", ttl="5s", extra="", lanes=1):
        self.build = os.path.abspath(build)
        self.ips = {r: f"127.{first_octet + i}.0.1" for i, r in enumerate(REGIONS)}
        self.dir = tempfile.mkdtemp(prefix="sealane-world-")
        self.data = os.path.join(self.dir, "data")
        self.world = os.path.join(self.dir, "world.yaml")
        health = health or "interval: 100ms, timeout: 100ms, failures: 3"
        lines = [f"domain: {DOMAIN}", f"lanes: {lanes}", "regions:"]
        for region, ip in self.ips.items():
            lines += [f"  {region}:", f"    nodes: [{ip}]", "    agents:"]
            for port in (9001, 9002):
                lines += [f"      - run: [sealane-demo-agent, --listen, '{ip}:{port}']", f"        url: http://{ip}:{port}"]
        lines += [f"routing: {{ policy: latency, failover: [{', '.join(REGIONS)}], ttl: {ttl} }}",
                  f"health: {{ path: /health, {health} }}", f"edge: {{ viewer_protocol: allow-all, certificate: auto{edge} }}",
                  extra]
        with open(self.world, "w") as f:
            f.write("\n".join(lines) + "\n")

    def __enter__(self):
        self.output = open(os.path.join(self.dir, "up.log"), "w")
        self.up = subprocess.Popen([f"{self.build}/sealane", "up", self.world, "--data", self.data],
                                   stdout=self.output, stderr=subprocess.STDOUT)
        try:
            self.wait_until(lambda: all(self.level(r) for r in REGIONS), 60, "the world to come up")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.up.send_signal(signal.SIGTERM)
        try:
            self.up.wait(20)
        except subprocess.TimeoutExpired:
            self.up.kill()
            self.up.wait()
        self.output.close()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def wait_until(what, max_s, words, pause_s=0.01):
        """Polls until what() is true; the bound only turns a hang into a failure."""
        end = time.monotonic() + max_s
        while True:
            try:
                if what():
                    return
            except OSError:
                pass
            if time.monotonic() > end:
                raise AssertionError(f"waited {max_s} s for {words}")
            time.sleep(pause_s)

    def get(self, region, path, port=8080, headers=None, timeout=10, method="GET", body=None):
        c = http.client.HTTPConnection(self.ips[region], port, timeout=timeout)
        try:
            c.request(method, path, body, {"Host": DOMAIN, **(headers or {})})
            answer = c.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            c.close()

    def status(self, region):
        return json.loads(self.get(region, "/status", 8901, timeout=2)[2])

    def level(self, region):
        """This node is ready and believes every endpoint to be healthy."""
        s = self.status(region)
        return s["ready"] and all(e["healthy"] and (e["known"] or e["kind"] == "agent") for e in s["endpoints"])

    def answer(self, region, subnet=None, name=DOMAIN, timeout=1.0):
        """The addresses that this region's name server gives to a client of `subnet`."""
        query = dns.message.make_query(name, "A", use_edns=0,
                                       options=[dns.edns.ECSOption(*subnet)] if subnet else [])
        reply = dns.query.udp(query, self.ips[region], timeout=timeout, port=5300)
        return sorted(r.address for rr in reply.answer if rr.rdtype == dns.rdatatype.A for r in rr)

    def near(self, region):
        """An EDNS client subnet of users who are known to be in the region."""
        return self.ips[region].rsplit(".", 2)[0] + ".0.0", 16

    def fault(self, verb, region):
        with open(os.path.join(self.data, "run", "up.json")) as f:
            run = json.load(f)
        with socket.create_connection(("127.0.0.1", run["port"]), 5) as s:
            s.sendall(f"{run['token']} {verb} {region}\n".encode())
            reply = s.makefile().readline().strip()
        assert reply.startswith("ok"), reply

    def pids(self, region, kind):
        with open(os.path.join(self.data, "run", f"{region}.json")) as f:
            return [c["pid"] for c in json.load(f) if c["kind"] == kind and c["pid"] > 0]
