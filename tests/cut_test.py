#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two regions on networks of their own, joined by one cable that a test can pull, silence, slow down and make
lose packets: `sealane serve` in each, agents started by hand, users on both sides.

    tests/cut_test.py build/release

      us-east-1  10.77.1.1 ──tun── [ Cable ] ──tun── 10.77.2.1  eu-west-1
"""
import contextlib
import ctypes
import fcntl
import heapq
import http.client
import json
import os
import random
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import own_machine

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
US, EU = REGIONS = ("us-east-1", "eu-west-1")
IPS = {US: "10.77.1.1", EU: "10.77.2.1"}
OTHER = {US: EU, EU: US}
NETS = {US: "us", EU: "eu"}
DOMAIN = "agent.example.test"
HANG_S = 60
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@contextlib.contextmanager
def inside(region):
    """This thread's sockets are made in the region's network."""
    with open("/proc/thread-self/ns/net") as back, open(f"/run/netns/{NETS[region]}") as there:
        assert LIBC.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert LIBC.setns(back.fileno(), CLONE_NEWNET) == 0


class Cable:
    """Carries packets between the two networks. `loss` is the share that it drops, `delay_s` what each packet takes."""

    def __init__(self, dice):
        self.loss, self.delay_s = 0.0, 0.0
        self._dice = dice
        self._ends = {}
        for region, net in NETS.items():
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", b"t" + net.encode(), IFF_TUN | IFF_NO_PI))
            ip("link", "set", "t" + net, "netns", net)
            self._ends[region] = end
            self.plug(region)
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def plug(self, region):
        net = NETS[region]
        ip("-n", net, "link", "set", "t" + net, "up")
        ip("-n", net, "route", "add", IPS[OTHER[region]], "dev", "t" + net, "src", IPS[region])

    def unplug(self, region):
        """The interface is down: sending fails at once, where a silent cable only swallows."""
        ip("-n", NETS[region], "link", "set", "t" + NETS[region], "down")

    def _carry(self):
        under_way, count = [], 0  # (due, tie-breaker, where to, packet)
        with selectors.DefaultSelector() as selector:
            for region, end in self._ends.items():
                selector.register(end, selectors.EVENT_READ, self._ends[OTHER[region]])
            selector.register(self._stop_read, selectors.EVENT_READ)
            while True:
                wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
                for key, _ in selector.select(wait):
                    if key.fd == self._stop_read:
                        return
                    try:
                        packet = os.read(key.fd, 65536)
                    except OSError:  # its interface is down
                        continue
                    if self._dice.random() >= self.loss:
                        count += 1
                        heapq.heappush(under_way, (time.monotonic() + self.delay_s, count, key.data, packet))
                while under_way and under_way[0][0] <= time.monotonic():
                    _, _, to, packet = heapq.heappop(under_way)
                    with contextlib.suppress(OSError):
                        os.write(to, packet)

    def close(self):
        os.write(self._stop_write, b"x")
        self._thread.join()
        for end in (*self._ends.values(), self._stop_read, self._stop_write):
            os.close(end)


class TwoNetworks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        print(f"SEED={seed}")
        cls.dir = tempfile.mkdtemp(prefix="sealane-cut-")
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        lines = [f"domain: {DOMAIN}", "lanes: 1", "regions:"]
        for region, address in IPS.items():
            lines += [f"  {region}:", f"    nodes: [{address}]", f"    clients: [{address[:-1]}0/24]",
                      f"    agents: ['http://{address}:9001', 'http://{address}:9002']"]
        # A probe outlives one lost SYN, which is sent again after a second.
        lines += ["routing: { policy: latency, failover: [us-east-1, eu-west-1], ttl: 5s }",
                  "health: { interval: 100ms, timeout: 2500ms, failures: 3 }",
                  # Nobody may tell an agent that thinks from one that is frozen, when no other is left to ask.
                  "edge: { viewer_protocol: allow-all, first_byte_timeout: 10s }"]
        with open(os.path.join(cls.dir, "world.yaml"), "w") as f:
            f.write("\n".join(lines) + "\n")
        for net in NETS.values():
            ip("netns", "add", net)
            ip("-n", net, "link", "set", "lo", "up")
        for region, address in IPS.items():
            ip("-n", NETS[region], "address", "add", f"{address}/32", "dev", "lo")
        cls.cable = Cable(random.Random(seed))
        cls.addClassCleanup(cls.cable.close)
        cls.agents = {r: [] for r in REGIONS}
        cls.processes = []
        for region, address in IPS.items():
            for port in (9001, 9002):
                cls.agents[region].append(cls.start(region, "sealane-demo-agent", "--listen", f"{address}:{port}",
                                                    "--region", region))
            cls.start(region, "sealane", "serve", "--world", os.path.join(cls.dir, "world.yaml"), "--region", region,
                      "--data", os.path.join(cls.dir, region))

    @classmethod
    def start(cls, region, program, *arguments):
        with open(os.path.join(cls.dir, f"{region}-{program}.log"), "a") as log:
            process = subprocess.Popen(["ip", "netns", "exec", NETS[region], os.path.join(BUILD, program), *arguments],
                                       stdout=log, stderr=log)
        cls.processes.append(process)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        return process

    def setUp(self):
        self.addCleanup(self.say_what_happened)
        self.await_level()

    def tearDown(self):
        self.cable.loss = self.cable.delay_s = 0.0

    def say_what_happened(self):
        if not self._outcome.success:
            for region in REGIONS:
                with open(os.path.join(self.dir, f"{region}-sealane.log"), errors="replace") as f:
                    print(f"--- {region}", *f.read().splitlines()[-15:], sep="\n", flush=True)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    def get(self, region, path="/ping", method="GET", body=None, port=8080, at=None):
        """A user in a region's network asks a node: that of the region, or the one of `at`."""
        with inside(region):
            c = http.client.HTTPConnection(IPS[at or region], port, timeout=HANG_S)
            try:
                c.request(method, path, body, {"Host": DOMAIN})
                answer = c.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            finally:
                c.close()

    def answers(self, region):
        """What a region's name server tells users of each region; asked from inside."""
        out = {}
        for near in REGIONS:
            query = dns.message.make_query(DOMAIN, "A", use_edns=0, options=[dns.edns.ECSOption(IPS[near], 24)])
            with inside(region):
                reply = dns.query.udp(query, IPS[region], timeout=2, port=5300)
            out[near] = [r.address for rr in reply.answer for r in rr]
        return out

    def await_answers(self, server, expected):
        wanted = {near: [IPS[there]] for near, there in expected.items()}
        start = time.monotonic()
        while True:
            try:
                seen = self.answers(server)
            except (OSError, dns.exception.DNSException) as error:
                seen = error
            if seen == wanted:
                return time.monotonic() - start
            dead = [p.args[4] for p in self.processes if p.poll() is not None]
            if dead or time.monotonic() - start > HANG_S:
                self.fail(f"{dead} ended; {server} answers {seen}, not {wanted}")
            time.sleep(0.01)

    def await_level(self):
        for server in REGIONS:
            self.await_answers(server, {US: US, EU: EU})

    @contextlib.contextmanager
    def users(self, region, outcomes, count=2, **request):
        """People of a region who keep asking while the block runs."""
        stopped = threading.Event()

        def run():
            while not stopped.is_set():
                start = time.monotonic()
                try:
                    outcome = self.get(region, **request)
                except Exception as error:
                    outcome = error
                outcomes.append((outcome, time.monotonic() - start))
                stopped.wait(0.02)
        threads = [threading.Thread(target=run) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopped.set()
            for thread in threads:
                thread.join()

    def await_outcomes(self, outcomes, more):
        wanted, start = len(outcomes) + more, time.monotonic()
        while len(outcomes) < wanted:
            self.assertLess(time.monotonic() - start, HANG_S,
                            f"users hang; {len(outcomes)} answers, the last {outcomes[-3:]}")
            time.sleep(0.01)

    def assert_answered(self, outcomes, words):
        bad = [str(o) for o, _ in outcomes if not (isinstance(o, tuple) and o[0] in (200, 204))]
        self.assertEqual(bad, [], f"of {len(outcomes)} {words}")
        print(f"    {len(outcomes)} {words}; longest {max(s for _, s in outcomes) * 1000:.0f} ms", flush=True)

    # ── tests ────────────────────────────────────────────────────────────────────────────────────

    def each_side_for_itself(self, cut, heal):
        us, eu = [], []
        with self.users(US, us), self.users(EU, eu):
            self.await_outcomes(us, 5)
            start = time.monotonic()
            cut()
            for server in REGIONS:
                self.await_answers(server, {US: server, EU: server})
            print(f"    both sides keep all users to themselves after {(time.monotonic() - start) * 1000:.0f} ms")
            self.await_outcomes(us, 10)
            self.await_outcomes(eu, 10)
            heal()
            start = time.monotonic()
            self.await_level()
            print(f"    and know of each other again {(time.monotonic() - start) * 1000:.0f} ms after the healing")
        self.assert_answered(us, "GETs in us-east-1")
        self.assert_answered(eu, "GETs in eu-west-1")

    def test_a_silent_cable(self):
        def loss(share):
            self.cable.loss = share
        self.each_side_for_itself(lambda: loss(1.0), lambda: loss(0.0))

    def test_a_pulled_cable(self):
        self.each_side_for_itself(lambda: self.cable.unplug(US), lambda: self.cable.plug(US))

    def test_a_cable_that_is_cut_while_a_request_crosses_it(self):
        """No agent is left here and the other region cannot be reached: the user is told so, cleanly."""
        self.freeze(US)
        self.await_answers(US, {US: EU, EU: EU})
        self.assertEqual(self.get(US)[1]["Sealane-Region"], EU)
        outcomes = []
        with self.users(US, outcomes, path="/agent", method="POST", body='{"prompt": "6*7"}'):
            self.await_outcomes(outcomes, 5)
            self.cable.unplug(US)
            self.await_answers(EU, {US: EU, EU: EU})
            self.await_outcomes(outcomes, 4)
            self.cable.plug(US)
            self.await_answers(US, {US: EU, EU: EU})
            self.await_outcomes(outcomes, 5)
        for answer, _ in outcomes:
            self.assert_clean(answer)
        self.assertEqual(self.get(US)[1]["Sealane-Region"], EU)

    def test_a_bad_cable_moves_nobody(self):
        """30 ms each way and every twentieth packet lost: nobody is down, and users cross it all the same."""
        self.cable.delay_s, self.cable.loss = 0.03, 0.05
        us, across = [], []
        with self.users(US, us), self.users(US, across, at=EU):
            self.await_outcomes(across, 60)
            for server in REGIONS:
                for _ in range(20):
                    self.assertEqual(self.answers(server), {near: [IPS[near]] for near in REGIONS})
        self.assert_answered(us, "GETs to the own region")
        self.assert_answered(across, "GETs straight across the bad cable")

    def test_a_bad_cable_carries_a_region_without_agents(self):
        self.freeze(US)
        self.await_answers(US, {US: EU, EU: EU})
        self.cable.delay_s, self.cable.loss = 0.03, 0.05
        outcomes = []
        with self.users(US, outcomes, path="/agent", method="POST", body='{"prompt": "6*7"}'):
            self.await_outcomes(outcomes, 40)
        for answer, _ in outcomes:
            self.assert_clean(answer)
        for answer, seconds in outcomes:
            if answer[0] != 200:
                print(f"    after {seconds * 1000:.0f} ms: {answer[2]}")
        good = sum(answer[0] == 200 for answer, _ in outcomes)
        print(f"    {len(outcomes)} POSTs from edge to edge: {good} answered, the others told where and why;"
              f" longest {max(s for _, s in outcomes) * 1000:.0f} ms")
        self.assertGreater(good, len(outcomes) // 2)

    def freeze(self, region):
        def thaw():
            for agent in self.agents[region]:
                agent.send_signal(signal.SIGCONT)
        self.addCleanup(thaw)
        for agent in self.agents[region]:
            agent.send_signal(signal.SIGSTOP)

    def assert_clean(self, answer):
        self.assertIsInstance(answer, tuple, answer)
        status, headers, body = answer
        if status == 200:
            self.assertEqual(json.loads(body)["region"], EU)
            return
        self.assertIn(status, (502, 503, 504), body)
        self.assertEqual(headers["Content-Type"], "application/problem+json")
        problem = json.loads(body)
        self.assertIn(problem["region"], REGIONS)
        self.assertTrue(problem["reason"])


if __name__ == "__main__":
    own_machine.enter()
    if not os.path.exists("/dev/net/tun"):
        print("SKIPPED: cut_test.py needs /dev/net/tun")
        sys.exit(own_machine.SKIPPED)
    import dns.edns
    import dns.exception
    import dns.message
    import dns.query
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2, failfast=True)
