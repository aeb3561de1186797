#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What users may rely on when things break, asserted on a live two-region world: agents and regions are killed,
frozen and cut off, the world file changes, nodes drain and crash.

    tests/failover_test.py build/release [TEST ...]

How fast it goes is printed, not judged: tests/failover_figures.py measures that.
"""
import http.client
import json
import os
import re
import signal
import socket
import ssl
import sys
import threading
import time
import unittest

import own_machine
from live_world import PATIENT, REGIONS, LiveWorld, certificate

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
US, EU = REGIONS
CLEAN_FAILURES = (502, 503, 504)
HANG_S = 30  # nobody waits that long for anything


class Users:
    """People who keep asking: `ask` returns an outcome; all outcomes are kept until `stop`."""

    def __init__(self, ask, count=3, pause_s=0.02):
        self.outcomes, self._stopped = [], threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(ask, pause_s)) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, ask, pause_s):
        while not self._stopped.is_set():
            start = time.monotonic()
            try:
                outcome = ask()
            except Exception as error:
                outcome = error
            self.outcomes.append((outcome, time.monotonic() - start))
            self._stopped.wait(pause_s)

    def have_asked(self, more):
        """A condition: at least so many more answers than now have come."""
        wanted = len(self.outcomes) + more
        return lambda: len(self.outcomes) >= wanted

    def stop(self):
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        return self.outcomes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class EventStream:
    """One SSE stream through a region's edge, read as it comes on a thread of its own."""

    def __init__(self, world, region, source=None):
        self.events, self.ended_well, self.error = [], False, None
        self._connection = http.client.HTTPConnection(world.ips[region], world.ports["http"], timeout=HANG_S,
                                                      source_address=(source, 0) if source else None)
        self._connection.request("POST", "/agent", json.dumps({"prompt": "explain health checks", "stream": True}),
                                 {"Host": world.domain})
        self._answer = self._connection.getresponse()
        self.headers = dict(self._answer.getheaders())
        assert self._answer.status == 200, self._answer.status
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        try:
            event = {}
            while raw := self._answer.readline():
                line = raw.decode().rstrip("\n")
                if line and ": " in line and not line.startswith(":"):
                    key, value = line.split(": ", 1)
                    event[key] = value
                elif not line and event:
                    self.events.append(event)
                    event = {}
            self.ended_well = True  # the last chunk has come
        except (OSError, http.client.HTTPException) as error:
            self.error = error

    def has_begun(self):
        return len(self.events) >= 3

    def last(self):
        """The last event, once the stream has ended."""
        self._thread.join()
        self._connection.close()
        return self.events[-1] if self.events else {}


class OnAWorld(unittest.TestCase):
    """Each test starts from a level world and finds the one of its class."""
    octet = 70
    options = {}

    @classmethod
    def setUpClass(cls):
        cls.world = cls.enterClassContext(LiveWorld(BUILD, cls.octet, **{"health": PATIENT, **cls.options}))

    def setUp(self):
        self.level()

    def tearDown(self):
        if not self._outcome.success:
            self.world.say_what_happened()

    def level(self):
        for region in REGIONS:
            for pid in [self.world.keeper(region), *self.world.pids(region)]:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
            self.world.fault("heal", region)
        self.world.wait_until(self.world.all_level, 90, "the world to be level")
        for region in REGIONS:
            self.await_answers(US, US)
            self.await_answers(EU, EU)

    def await_answers(self, near, expected, by=REGIONS):
        """Every name server of `by` sends users near `near` to the region `expected`."""
        w = self.world
        for server in by:
            w.wait_until(lambda: w.answer(server, w.near(near), source=w.user_of(server)) == [w.ips[expected]], HANG_S,
                         f"{server} to send users of {near} to {expected}")

    def strike(self, what, signal_number, region=US):
        """Signals a region's agents or node. Its keeper stands still, so that they stay as they are until `level`
        or `release`."""
        # All of them: one that is being started again at this moment would go on as if nothing had happened.
        count = {"agent": self.options.get("agents_per_region", 2), "node": 1}[what]
        self.world.wait_until(lambda: len(self.world.pids(region, what)) == count, HANG_S, "all of them to run")
        os.kill(self.world.keeper(region), signal.SIGSTOP)
        for pid in self.world.pids(region, what):
            os.kill(pid, signal_number)
        return time.monotonic()

    def release(self, region=US):
        os.kill(self.world.keeper(region), signal.SIGCONT)

    def ask_through(self, region, path="/ping", **more):
        return lambda: self.world.get(region, path, timeout=HANG_S, source=self.world.user_of(region), **more)

    def follow_dns(self, region, server=None):
        """A user of `region` who looks the name up for each request, at any name server that answers."""
        w = self.world

        def ask():
            for each in (server,) if server else (region, *[r for r in REGIONS if r != region]):
                try:
                    address = w.answer(each, w.near(region), timeout=2)[0]
                    break
                except Exception as error:  # the next name server, as a resolver does
                    last = error
            else:
                raise last
            there = next(r for r, ip in w.ips.items() if ip == address)
            return w.get(there, "/ping", timeout=HANG_S)
        return ask

    def assert_all(self, outcomes, good, words):
        bad = [str(o) for o, _ in outcomes if not good(o)]
        self.assertGreater(len(outcomes), 0)
        self.assertEqual(bad, [], f"{len(bad)} of {len(outcomes)} {words}")
        print(f"    {len(outcomes)} {words}; longest {max(s for _, s in outcomes) * 1000:.0f} ms", flush=True)

    def assert_clean(self, answer):
        """An answer, or a problem that says where and why."""
        self.assertIsInstance(answer, tuple, answer)
        status, headers, body = answer
        if status == 200:
            return
        self.assertIn(status, CLEAN_FAILURES, body)
        self.assertEqual(headers["Content-Type"], "application/problem+json")
        problem = json.loads(body)
        self.assertEqual(problem["status"], status)
        self.assertIn(problem["region"], REGIONS)
        self.assertTrue(problem["reason"])


def answered(outcome):
    return isinstance(outcome, tuple) and outcome[0] in (200, 204)


class Agents(OnAWorld):
    octet = 70
    options = {"agent_arguments": ["--token-interval", "200ms"]}

    def struck_agents(self, signal_number):
        w = self.world
        with Users(self.ask_through(US)) as gets, \
                Users(self.ask_through(US, "/agent", method="POST", body='{"prompt": "6*7"}')) as posts:
            w.wait_until(gets.have_asked(10), HANG_S, "users to ask")
            struck = self.strike("agent", signal_number)
            self.await_answers(US, EU, by=[EU])
            changed = time.monotonic() - struck
            self.await_answers(US, EU, by=[US])  # the struck region's own name server
            self.await_answers(EU, EU)           # users elsewhere notice nothing
            w.wait_until(gets.have_asked(20), HANG_S, "users to ask on")
            w.wait_until(posts.have_asked(10), HANG_S, "users to post on")
            afterwards = w.get(US, "/ping")
        print(f"    the other region's DNS answer changed after {changed * 1000:.0f} ms")
        self.assertEqual(afterwards[1]["Sealane-Region"], EU)
        self.assert_all(gets.outcomes, answered, "GETs through the struck region's edge")
        for answer, _ in posts.outcomes:
            self.assert_clean(answer)
        good = sum(answered(o) for o, _ in posts.outcomes)
        print(f"    {len(posts.outcomes)} POSTs: {good} answered, the others told where and why")
        self.assertTrue(answered(posts.outcomes[-1][0]))

    def test_killed_agents(self):
        self.struck_agents(signal.SIGKILL)
        self.level()
        self.assertEqual(self.world.get(US, "/ping")[1]["Sealane-Region"], US)

    def test_frozen_agents(self):
        self.struck_agents(signal.SIGSTOP)
        self.level()
        self.assertEqual(self.world.get(US, "/ping")[1]["Sealane-Region"], US)

    def test_one_dead_agent_of_two_moves_nobody(self):
        w = self.world
        with Users(self.ask_through(US)) as users:
            os.kill(w.pids(US, "agent")[0], signal.SIGKILL)
            w.wait_until(lambda: any(not e["healthy"] and e["kind"] == "agent" for e in w.status(US)["endpoints"]),
                         HANG_S, "the node to notice")
            w.wait_until(users.have_asked(20), HANG_S, "users to ask on")
            self.await_answers(US, US)
        self.assert_all(users.outcomes, answered, "GETs")
        self.assert_all(users.outcomes, lambda o: o[1]["Sealane-Region"] == US, "of them answered in the region")

    def test_a_post_with_an_idempotency_key_is_repeated(self):
        w = self.world
        ask = self.ask_through(US, "/agent", method="POST", body='{"prompt": "6*7"}', headers={"Idempotency-Key": "1"})
        with Users(ask) as users:
            w.wait_until(users.have_asked(10), HANG_S, "users to ask")
            self.strike("agent", signal.SIGKILL)
            self.await_answers(US, EU, by=[EU])
            w.wait_until(users.have_asked(10), HANG_S, "users to ask on")
        self.assert_all(users.outcomes, answered, "POSTs with a key")

    def test_streams_end_in_words_when_their_agents_die(self):
        for number in (signal.SIGKILL, signal.SIGSTOP):
            with self.subTest(number):
                self.level()
                streams = [EventStream(self.world, US) for _ in range(8)]
                self.world.wait_until(lambda: all(s.has_begun() for s in streams), HANG_S, "the streams to begin")
                # On a starved machine a region may blink and a stream be served elsewhere: that one has no story here.
                served_here = [s for s in streams if s.headers.get("Sealane-Region") == US]
                self.assertTrue(served_here)
                self.strike("agent", number)
                for stream, last in [(s, s.last()) for s in streams]:
                    if stream not in served_here:
                        continue
                    self.assertTrue(stream.ended_well, stream.error)
                    self.assertEqual(last.get("event"), "error", stream.events[-2:])
                    problem = json.loads(last["data"])
                    self.assertEqual(problem["region"], US)
                    self.assertTrue(problem["reason"])
                # Else `level` may find the world level because nobody has noticed yet.
                self.world.wait_until(lambda: not any(e["healthy"] for e in self.world.status(US)["endpoints"]
                                                      if e["kind"] == "agent"), HANG_S, "the node to notice")

    def test_when_everything_is_down_the_answer_is_open(self):
        w = self.world
        for region in REGIONS:
            self.strike("agent", signal.SIGSTOP, region)
        for server in REGIONS:
            w.wait_until(lambda: not any(e["healthy"] for e in w.status(server)["endpoints"] if e["kind"] == "agent"),
                         HANG_S, "the node to notice")
            w.wait_until(lambda: not any(e["healthy"] for e in w.status(server)["endpoints"]
                                         if e["kind"] == "node"), HANG_S, "the nodes to be down as well")
        self.await_answers(US, US)
        self.await_answers(EU, EU)
        for region in REGIONS:
            self.assertRegex(w.explain(region, w.user_of(US)), "fails open")


class Regions(OnAWorld):
    octet = 72

    def struck_region(self, verb):
        w = self.world
        with Users(self.ask_through(EU)) as neighbours:
            w.wait_until(neighbours.have_asked(5), HANG_S, "users to ask")
            struck = time.monotonic()
            w.fault(verb, US)
            self.await_answers(US, EU, by=[EU])
            print(f"    {verb}: the other region's DNS answer changed after {(time.monotonic() - struck) * 1000:.0f} ms")
            self.await_answers(EU, EU, by=[EU])
            w.wait_until(neighbours.have_asked(20), HANG_S, "users to ask on")
            self.assertEqual(w.answer(EU, w.near(US), name="agent-us-east-1.example.test"), [w.ips[EU]])
        self.assert_all(neighbours.outcomes, answered, "GETs through the surviving region's edge")

    def test_a_killed_region(self):
        self.struck_region("kill")
        self.level()

    def test_a_frozen_region(self):
        self.struck_region("freeze")
        self.level()

    def test_a_region_that_is_cut_off(self):
        w = self.world
        self.struck_region("cut")
        # Inside, life goes on: its own users reach its name server, which sends them to its own agents.
        self.await_answers(US, US, by=[US])
        self.assertTrue(answered(w.get(US, "/ping", source=w.user_of(US))))
        self.level()

    def test_users_who_follow_dns_arrive_after_the_answer_has_changed(self):
        w = self.world
        w.fault("kill", US)
        self.await_answers(US, EU, by=[EU])
        with Users(self.follow_dns(US)) as users:
            w.wait_until(users.have_asked(30), HANG_S, "users to ask")
        self.assert_all(users.outcomes, answered, "GETs of users near the dead region")

    def test_the_frozen_node_alone(self):
        """Its agents live, but nobody can reach them through it."""
        self.strike("node", signal.SIGSTOP)
        self.await_answers(US, EU, by=[EU])
        self.strike("node", signal.SIGCONT)
        self.await_answers(US, US, by=[EU])

    def test_the_keeper_starts_a_crashed_node_again(self):
        w = self.world
        before = w.pids(US, "node")
        self.strike("node", signal.SIGKILL)
        self.await_answers(US, EU, by=[EU])
        self.release()
        w.wait_until(lambda: w.pids(US, "node") not in ([], before), HANG_S, "the keeper to start it again")
        self.await_answers(US, US)
        self.assertTrue(answered(w.get(US, "/ping")))

    def test_explain_says_what_dns_answers(self):
        w = self.world
        for down in (None, US, EU):
            self.level()
            if down:
                self.strike("agent", signal.SIGSTOP, down)
                self.await_answers(down, next(r for r in REGIONS if r != down))
            for client in (w.user_of(US), w.user_of(EU), "10.1.2.3", "3.5.140.9", "200.160.2.3", "212.58.244.20",
                           "133.11.0.1", "41.0.0.1", "203.0.113.7"):
                for server in REGIONS:
                    addresses = w.answer(server, (client, 24))
                    page = w.explain(server, client)
                    said = re.findall(r"(127\.\d+\.0\.1)  \[answered\]", page)
                    self.assertEqual(addresses, said, f"{client} at {server}, {down} down; now "
                                     f"{w.answer(server, (client, 24))}:\n{page}")


class Changes(OnAWorld):
    octet = 74
    options = {"agent_arguments": ["--token-interval", "50ms"]}

    def reload(self, text, event):
        """Changes the world file and tells every region; returns once each node has said `event`."""
        w = self.world

        def count(region):
            return sum(line.get("event") == event for line in w.log(region))
        before = {r: count(r) for r in REGIONS}
        w.write(text)
        for region in REGIONS:
            os.kill(w.keeper(region), signal.SIGHUP)
        for region in REGIONS:
            w.wait_until(lambda: count(region) > before[region], HANG_S, f"{region} to say '{event}'")

    def tearDown(self):
        super().tearDown()
        self.reload(self.world.text, "reloaded")

    def test_a_changed_world_takes_over_with_no_request_lost(self):
        w = self.world
        with Users(self.ask_through(US)) as us, Users(self.ask_through(EU)) as eu, \
                Users(lambda: w.reply(US, w.near(US), timeout=5)) as resolvers:
            for ttl in (3, 4, 2):
                self.reload(w.text.replace("ttl: 5s", f"ttl: {ttl}s"), "reloaded")
                for region in REGIONS:
                    w.wait_until(lambda: w.reply(region, w.near(US)) == ([w.ips[US]], ttl), HANG_S, "the new TTL")
            self.reload(w.text.replace("policy: latency, failover: [us-east-1, eu-west-1]",
                                       "policy: weighted, weights: { us-east-1: 0, eu-west-1: 1 }"), "reloaded")
            self.await_answers(US, EU)
            w.wait_until(us.have_asked(10), HANG_S, "users to ask on")
        self.assert_all(us.outcomes, answered, "GETs in us-east-1")
        self.assert_all(eu.outcomes, answered, "GETs in eu-west-1")
        self.assert_all(resolvers.outcomes, lambda o: isinstance(o, tuple) and len(o[0]) == 1, "DNS answers")

    def test_a_new_certificate_is_shown_and_a_bad_one_refused(self):
        w = self.world
        port = w.ports["https"]

        def shown(region):
            return ssl.get_server_certificate((w.ips[region], port))
        before = {r: shown(r) for r in REGIONS}
        cert, key = certificate(w.dir, "renewed", address=w.ips[US])
        with open(cert) as f:
            renewed = ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(f.read()))
        kept = http.client.HTTPSConnection(w.ips[US], port, timeout=5, context=ssl._create_unverified_context())

        def ping():
            kept.request("GET", "/ping", headers={"Host": w.domain})
            reply = kept.getresponse()
            reply.read()
            return reply.status
        self.assertEqual(ping(), 204)
        socket_before = kept.sock
        self.reload(w.text.replace("certificate: auto", f"certificate: {{ cert: {cert}, key: {key} }}"), "reloaded")
        for region in REGIONS:
            w.wait_until(lambda r=region: shown(r) == renewed, HANG_S, "the new certificate")
        self.assertEqual(ping(), 204)
        self.assertIs(kept.sock, socket_before, "an open connection goes on")
        kept.close()
        self.reload(w.text.replace("certificate: auto", f"certificate: {{ cert: {cert}, key: {cert} }}"), "reload_refused")
        self.assertEqual(shown(US), renewed)
        self.reload(w.text, "reloaded")
        for region in REGIONS:
            w.wait_until(lambda r=region: shown(r) == before[r], HANG_S, "the world's own certificate")

    def test_what_waits_for_a_restart_is_told(self):
        w = self.world
        self.reload(w.text.replace("lanes: 1", "lanes: 2"), "reload_partial")
        said = [line for line in w.log(US) if line.get("event") == "reload_partial"][-1]
        self.assertIn("lanes", json.dumps(said))

    def test_a_broken_world_is_refused_and_the_old_goes_on(self):
        w = self.world
        with Users(self.ask_through(US)) as users:
            for broken in (w.text.replace("policy: latency", "policy: latancy"), "regions: [", "",
                           w.text.replace(w.ips[US], "127.1.300.1")):
                self.reload(broken, "reload_refused")
                self.await_answers(US, US)
            w.wait_until(users.have_asked(5), HANG_S, "users to ask on")
        self.assert_all(users.outcomes, answered, "GETs while broken worlds were refused")

    def test_a_crashed_node_starts_from_the_last_good_world(self):
        w = self.world
        self.reload(w.text.replace("ttl: 5s", "ttl: 4s"), "reloaded")
        w.write("this is no world\n")
        before = w.pids(US, "node")
        self.strike("node", signal.SIGKILL)
        self.release()
        w.wait_until(lambda: w.pids(US, "node") not in ([], before), HANG_S, "the keeper to start it again")
        w.wait_until(lambda: w.reply(US, w.near(US)) == ([w.ips[US]], 4), HANG_S, "the last good world to be served")
        self.assertTrue(answered(w.get(US, "/ping")))

    def test_a_draining_node_fails_nobody_who_follows_dns(self):
        w = self.world
        stream = EventStream(w, US)
        w.wait_until(stream.has_begun, HANG_S, "the stream to begin")
        with Users(self.follow_dns(US, server=EU)) as users:
            w.wait_until(users.have_asked(10), HANG_S, "users to ask")
            before = w.pids(US, "node")
            self.strike("node", signal.SIGTERM)
            self.await_answers(US, EU, by=[EU])
            last = stream.last()
            w.wait_until(lambda: any(line.get("event") == "drained" for line in w.log(US)), HANG_S, "the node to end")
            self.release()
            w.wait_until(lambda: w.pids(US, "node") not in ([], before), 2 * HANG_S, "the keeper to start it again")
            self.await_answers(US, US)
            w.wait_until(users.have_asked(10), HANG_S, "users to ask on")
        self.assertTrue(stream.ended_well, stream.error)
        self.assertIn(last.get("event"), ("done", "error"))
        self.assert_all(users.outcomes, answered, "GETs of users who follow DNS")


class Redirects(OnAWorld):
    octet = 76
    options = {"viewer_protocol": "redirect-to-https"}

    def test_plain_http_is_redirected_and_probes_are_not(self):
        w = self.world
        for method, status in (("GET", 301), ("HEAD", 301), ("POST", 307), ("DELETE", 307)):
            got, headers, _ = w.get(US, "/docs/?a=b", method=method, body="{}" if method == "POST" else None)
            self.assertEqual(got, status, method)
            self.assertEqual(headers["Location"], f"https://{w.domain}:{w.ports['https']}/docs/?a=b")
        self.assertTrue(w.all_level())


class Ending(unittest.TestCase):
    def test_a_world_that_is_told_to_end_ends_and_leaves_nothing(self):
        with LiveWorld(BUILD, 78, PATIENT) as w:
            pids = [pid for r in REGIONS for pid in (w.keeper(r), *w.pids(r))]
            self.assertEqual(len(pids), 8)
            self.assertEqual(w.stop(), 0)
            self.assertEqual([pid for pid in pids if os.path.exists(f"/proc/{pid}")], [])
            with socket.socket() as s, self.assertRaises(ConnectionRefusedError):
                s.connect((w.ips[US], w.ports["http"]))


if __name__ == "__main__":
    own_machine.enter(needed=False)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
