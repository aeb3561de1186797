# SPDX-License-Identifier: Apache-2.0
"""A world of its own for a test: `sealane up` with a region on each of 127.A.0.1, 127.B.0.1 ..., and what a test
asks of it. Nothing here judges time: a wait ends when what it waits for is so, and its bound only turns a hang
into a failure."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import dns.exception
import dns.edns
import dns.message
import dns.query
import dns.rdatatype

DOMAIN = "agent.example.test"
REGIONS = ("us-east-1", "eu-west-1")
HEALTH = "interval: 100ms, timeout: 100ms, failures: 3"
# For tests of rules on a machine that has other work: what is dead is found as fast, what is slow is not dead.
PATIENT = "interval: 100ms, timeout: 1s, failures: 3"
PORTS = {"dns": 5300, "http": 8080, "https": 8443, "metrics": 8901, "state": 8000}
# The table in which the demo agent keeps conversations.
SESSIONS = ("state: { tables: [ { name: sessions, key: { session_id: S }, ttl_attribute: expires_at, "
            "merge: conversation, ack: reachable } ] }")


def certificate(folder, name, ca=None, address="127.0.0.1"):
    """A key and a certificate for an address: the CA's, or one that signs itself."""
    files = [os.path.join(folder, f"{name}.{kind}") for kind in ("pem", "key")]
    issuer = ["-CA", os.path.join(ca, "ca.pem"), "-CAkey", os.path.join(ca, "ca.key")] if ca else []
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{address}", "-keyout", files[1], "-out", files[0],
                    *issuer], check=True, capture_output=True)
    return files


class LiveWorld:
    """Runs in a `with` block; everything it started is gone at the end of it."""

    def __init__(self, build, first_octet, health=None, edge="", ttl="5s", extra="", *, regions=REGIONS,
                 domain=DOMAIN, viewer_protocol="allow-all", ports=None, agent_arguments=(), agents_per_region=2, lanes=1):
        self.build = os.path.abspath(build)
        self.domain = domain
        self.ips = {r: f"127.{first_octet + i}.0.1" for i, r in enumerate(regions)}
        self.ports = {**PORTS, **(ports or {})}
        self.dir = tempfile.mkdtemp(prefix="sealane-world-")
        self.data = os.path.join(self.dir, "data")
        self.world = os.path.join(self.dir, "world.yaml")
        self.output = self.up = None
        lines = [f"domain: {domain}", f"lanes: {lanes}", "regions:"]
        for region, ip in self.ips.items():
            lines += [f"  {region}:", f"    nodes: [{ip}]", "    agents:"]
            for port in range(9001, 9001 + agents_per_region):
                command = json.dumps(["sealane-demo-agent", "--listen", f"{ip}:{port}", *agent_arguments])
                lines += [f"      - run: {command}", f"        url: http://{ip}:{port}"]
        lines += [f"routing: {{ policy: latency, failover: [{', '.join(regions)}], ttl: {ttl} }}",
                  f"health: {{ path: /health, {health or HEALTH} }}",
                  f"edge: {{ viewer_protocol: {viewer_protocol}, certificate: auto{edge} }}"]
        if ports:
            lines.append("ports: { " + ", ".join(f"{k}: {v}" for k, v in ports.items()) + " }")
        self.text = "\n".join(lines + [extra]) + "\n"
        self.write(self.text)

    def write(self, text):
        with open(self.world, "w") as f:
            f.write(text)

    # ── start and stop ───────────────────────────────────────────────────────────────────────────

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.say_what_happened()
            self.__exit__(None, None, None)
            raise
        return self

    def start(self):
        self.output = open(os.path.join(self.dir, "up.log"), "a")
        self.up = subprocess.Popen([f"{self.build}/sealane", "up", self.world, "--data", self.data],
                                   stdout=self.output, stderr=subprocess.STDOUT)
        self.wait_until(self.all_level, 60, "the world to come up")

    def stop(self):
        """Ends the world in order and returns the exit code of `up`."""
        if self.up is None:
            return None
        if self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
        try:
            code = self.up.wait(20)
        except subprocess.TimeoutExpired:
            self.up.kill()
            self.up.wait()
            code = None
        self.up = None
        self.output.close()
        return code

    def __exit__(self, kind, *_):
        if kind is not None:
            self.say_what_happened()
        # A frozen process would not hear SIGTERM; `up` wakes only those it froze itself.
        for region in self.ips:
            for pid in self.pids(region):
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
        self.stop()
        crashes = self.crashes()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)
        if kind is None and crashes:
            raise AssertionError("\n".join(crashes))

    def crashes(self):
        """What the keepers tell of nodes, agents and brokers that died of a fault of their own: a restarted one is easily missed."""
        of_their_own = re.compile(r"was ended by signal ({})\b".format(
            "|".join(str(int(n)) for n in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE))))
        found = []
        for region in self.ips:
            log = os.path.join(self.data, "log", region + ".log")
            if os.path.exists(log):
                with open(log, errors="replace") as f:
                    found += [line.rstrip() for line in f if of_their_own.search(line)]
        return found

    def say_what_happened(self):
        """The ends of the logs, for somebody who reads of a failure on another machine."""
        logs = [os.path.join(self.dir, "up.log")]
        folder = os.path.join(self.data, "log")
        if os.path.isdir(folder):
            logs += sorted(os.path.join(folder, name) for name in os.listdir(folder) if "agent" not in name)
        for log in logs:
            with open(log, errors="replace") as f:
                print(f"--- {log}", *f.read().splitlines()[-12:], sep="\n", flush=True)

    @staticmethod
    def wait_until(what, max_s, words, pause_s=0.01):
        """Polls until what() is true; returns how long that took."""
        start = time.monotonic()
        while True:
            try:
                if what():
                    return time.monotonic() - start
            except (OSError, http.client.HTTPException, dns.exception.DNSException):
                pass
            if time.monotonic() - start > max_s:
                raise AssertionError(f"waited {max_s} s for {words}")
            time.sleep(pause_s)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    def get(self, region, path, port=None, headers=None, timeout=10, method="GET", body=None, source=None):
        """(status, headers, body) from a region's node; `source` is an address to ask from."""
        c = http.client.HTTPConnection(self.ips[region], port or self.ports["http"], timeout=timeout,
                                       source_address=(source, 0) if source else None)
        try:
            c.request(method, path, body, {"Host": self.domain, **(headers or {})})
            answer = c.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            c.close()

    def turn(self, session, number):
        """One turn of a conversation, by a user near the first region who follows DNS as the second one answers it, and
        repeats until there is a reply: the reply."""
        near, asked = REGIONS
        body = json.dumps({"prompt": f"this is turn {number}", "sessionId": session})
        answer = {}

        def ask():
            address = self.answer(asked, self.near(near))[0]
            region = next(r for r, ip in self.ips.items() if ip == address)
            status, _, text = self.get(region, "/agent", method="POST", body=body, timeout=3,
                                       headers={"Idempotency-Key": f"{session}-{number}"})
            answer.update(json.loads(text) if status == 200 else {})
            return status == 200
        self.wait_until(ask, 60, f"turn {number} to be acknowledged")
        return answer

    def status(self, region, source=None):
        return json.loads(self.get(region, "/status", self.ports["metrics"], timeout=2, source=source)[2])

    def level(self, region):
        """This node is ready and believes every endpoint to be healthy."""
        s = self.status(region)
        state = s.get("state")
        if state and "declared" in state:  # tables that another server keeps
            if not state["reachable"] or not all(t["ready"] for t in state["declared"]):
                return False
        elif state and state["messaging"] != "alone":  # with tables: the nodes hear each other
            heard = [r for r in state["replicas"] if r["silent_ms"] < 2000]
            if len(heard) < len(self.ips) - 1:
                return False
        return s["ready"] and all(e["healthy"] and (e["known"] or e["kind"] == "agent") for e in s["endpoints"])

    def all_level(self):
        return all(self.level(r) for r in self.ips)

    def answer(self, region, subnet=None, name=None, timeout=1.0, source=None):
        """The addresses that this region's name server gives to a client of `subnet`."""
        return self.reply(region, subnet, name, timeout, source)[0]

    def reply(self, region, subnet=None, name=None, timeout=1.0, source=None):
        """(sorted addresses, ttl) of a steered name; ttl is None when there is no address."""
        query = dns.message.make_query(name or self.domain, "A", use_edns=0,
                                       options=[dns.edns.ECSOption(*subnet)] if subnet else [])
        reply = dns.query.udp(query, self.ips[region], timeout=timeout, port=self.ports["dns"], source=source)
        sets = [rr for rr in reply.answer if rr.rdtype == dns.rdatatype.A]
        return sorted(r.address for rr in sets for r in rr), min((rr.ttl for rr in sets), default=None)

    def near(self, region):
        """An EDNS client subnet of users who are known to be in the region."""
        return self.ips[region].rsplit(".", 2)[0] + ".0.0", 16

    def user_of(self, region):
        """An address that a user who is known to be in the region may ask from."""
        return self.ips[region].rsplit(".", 2)[0] + ".9.9"

    def explain(self, region, client, name=None):
        """What `sealane explain` prints about a client, asked of this region's node."""
        return subprocess.run([f"{self.build}/sealane", "explain", name or self.domain, "--from", client, "--endpoint",
                               f"http://{self.ips[region]}:{self.ports['metrics']}"],
                              check=True, capture_output=True, text=True, timeout=30).stdout

    # ── doing harm ───────────────────────────────────────────────────────────────────────────────

    def fault(self, verb, region):
        with open(os.path.join(self.data, "run", "up.json")) as f:
            run = json.load(f)
        with socket.create_connection(("127.0.0.1", run["port"]), 5) as s:
            s.sendall(f"{run['token']} {verb} {region}\n".encode())
            reply = s.makefile().readline().strip()
        assert reply.startswith("ok"), reply
        if verb == "cut":  # the keeper tells its processes; what is asked before they know passes still
            self.wait_until(lambda: self.is_cut(region), 20, f"{region} to be cut off")

    def is_cut(self, region):
        told = [line["event"] for line in self.log(region) if line.get("event") in ("network_cut", "network_healed")]
        return told[-1:] == ["network_cut"] and all(self.is_frozen(pid) for pid in self.pids(region, "messaging"))

    @staticmethod
    def is_frozen(pid):
        """Stopped by a signal (proc_pid_stat(5)): not a moment before its last thread is."""
        states = []
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/stat") as f:
                states.append(f.read().rpartition(")")[2].split()[0])
        return set(states) == {"T"}

    def keeper(self, region):
        """The pid of a region's keeper, which is its process group too."""
        with open(os.path.join(self.data, "run", "up.json")) as f:
            return json.load(f)["regions"][region]["pgid"]

    def pids(self, region, kind=None):
        """Of a region's processes: all, or those of a kind (node, agent)."""
        try:
            with open(os.path.join(self.data, "run", f"{region}.json")) as f:
                return [c["pid"] for c in json.load(f) if kind in (None, c["kind"]) and c["pid"] > 0]
        except FileNotFoundError:
            return []

    def log(self, region):
        """What the region's node has written, a list of JSON lines."""
        with open(os.path.join(self.data, "log", f"{region}-node-{self.ips[region]}.log")) as f:
            return [json.loads(line) for line in f if line.startswith("{")]
