#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tables on a live two-region world, when things break: a conversation goes on in the other region with every turn, and what
was acknowledged is there when nats-servers and nodes are killed and regions are cut off.

    tests/state_world_test.py build/release [TEST ...]

How fast regions are level again is printed; only a hang fails.
"""
import http.client
import json
import os
import signal
import sys
import threading
import time
import unittest

import own_machine
from live_world import PATIENT, REGIONS, SESSIONS, LiveWorld
from table_client import Refused, Tables

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
US, EU = REGIONS
HANG_S = 60
NOTES = ("{ name: notes, key: { id: S } }, { name: lists, key: { id: S }, merge: conversation }")
WORLD = SESSIONS.replace("[ {", "[ " + NOTES + ", {")
CUT_S = 10


class Writer:
    """Writes in one region until stopped: a new item each time, and an element to a list that all regions append to."""

    def __init__(self, world, region):
        self.tables, self.region = Tables(world, region), region
        self.acknowledged, self.failed_count = [], 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        number = 0
        while not self._stopped.is_set():
            number += 1
            name = f"{self.region}-{number}"
            try:
                self.tables.call("PutItem", TableName="notes", Item={"id": {"S": name}, "by": {"S": self.region}})
                self.tables.call("UpdateItem", TableName="lists", Key={"id": {"S": "shared"}},
                                 UpdateExpression="SET l = list_append(if_not_exists(l, :none), :one)",
                                 ExpressionAttributeValues={":none": {"L": []}, ":one": {"L": [{"S": name}]}})
                self.acknowledged.append(name)
            except (OSError, http.client.HTTPException, Refused):
                self.failed_count += 1  # it may be there or not
                time.sleep(0.05)
            self._stopped.wait(0.005)

    def have_written(self, more):
        wanted = len(self.acknowledged) + more
        return lambda: len(self.acknowledged) >= wanted

    def stop(self):
        self._stopped.set()
        self._thread.join()
        self.tables.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class StateWorld(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(LiveWorld(BUILD, 90, PATIENT, extra=WORLD))

    def same_everywhere(self, table):
        us, eu = (Tables(self.world, r).scan(table) for r in REGIONS)
        return us == eu

    def level_again(self, *writers):
        """Waits until both regions hold the same; nothing that was acknowledged may be missing then. Returns how long it
        took until each region had the other's last write."""
        start, took = time.monotonic(), {}
        at = {r: Tables(self.world, r) for r in REGIONS}

        def have_arrived():
            for writer in writers:
                for region in REGIONS:
                    if (writer.region, region) not in took and at[region].has(writer.acknowledged[-1]):
                        took[writer.region, region] = time.monotonic() - start
            return len(took) == len(writers) * len(REGIONS)
        self.world.wait_until(have_arrived, HANG_S, "the last writes to arrive")
        for tables in at.values():
            tables.close()
        self.world.wait_until(self.tables_level, HANG_S, "the regions to hold the same")
        notes = Tables(self.world, EU).scan("notes")
        shared = [e["S"] for e in Tables(self.world, EU).scan("lists")["shared"]["l"]["L"]]
        for writer in writers:
            self.assertEqual([n for n in writer.acknowledged if n not in notes], [], "acknowledged items that are lost")
            self.assertEqual([n for n in writer.acknowledged if n not in shared], [], "acknowledged appends that are lost")
        return max(took.values())

    def tables_of(self, region):
        tables = Tables(self.world, region)
        self.addCleanup(tables.close)
        return tables

    def tables_level(self):
        try:
            return self.same_everywhere("notes") and self.same_everywhere("lists")
        except Exception:  # a node that is still starting
            return False

    # ── conversations ────────────────────────────────────────────────────────────────────────────

    def conversation(self, region, session):
        def ask():
            status, _, text = self.world.get(region, f"/sessions/{session}", source=self.world.user_of(region), timeout=3)
            ask.found = json.loads(text) if status == 200 else {}
            return status == 200 and ask.found["region"] == region
        self.world.wait_until(ask, HANG_S, f"{region} to tell the conversation")
        return ask.found["conversation"]

    def test_a_conversation_goes_on_when_its_region_is_killed(self):
        w = self.world
        asked = [f"this is turn {n}" for n in range(1, 11)]
        replies = [self.world.turn("ten", n) for n in range(1, 6)]
        self.assertEqual([r["region"] for r in replies], [US] * 5)
        w.fault("kill", US)
        replies += [self.world.turn("ten", n) for n in range(6, 11)]
        self.assertEqual([r["turns"] for r in replies], list(range(1, 11)))
        self.assertEqual([r["region"] for r in replies[5:]], [EU] * 5)
        self.assertTrue(all(r["continued"] for r in replies[1:]))
        self.assertEqual([t["prompt"] for t in self.conversation(EU, "ten")], asked)
        w.fault("heal", US)
        w.wait_until(w.all_level, HANG_S, "the world to be level")
        took = w.wait_until(lambda: [t["prompt"] for t in self.conversation(US, "ten")] == asked, HANG_S,
                            "the region that was killed to know all ten turns")
        print(f"    the killed region tells all ten turns {took * 1000:.0f} ms after it is level")
        self.assertEqual([t["region"] for t in self.conversation(US, "ten")], [US] * 5 + [EU] * 5)

    def test_a_repeated_turn_counts_once_in_either_region(self):
        first = self.world.turn("once", 1)
        self.assertEqual(self.world.turn("once", 1)["reply"], first["reply"])
        self.world.wait_until(lambda: len(self.conversation(EU, "once")) == 1, HANG_S, "the other region to have it")
        status, _, text = self.world.get(EU, "/agent", method="POST", source=self.world.user_of(EU),
                                         body=json.dumps({"prompt": "this is turn 1", "sessionId": "once"}),
                                         headers={"Idempotency-Key": "once-1"})
        self.assertEqual((status, json.loads(text)["turns"], json.loads(text)["region"]), (200, 1, EU))
        self.assertEqual(len(self.conversation(EU, "once")), 1)

    def ask(self, region, path, cookie="", body=None, accept="application/json"):
        """As a browser near the region: (status, headers, body, the cookie that it has then)."""
        headers = {"Accept": accept, **({"Cookie": cookie} if cookie else {})}
        status, headers, text = self.world.get(region, path, method="POST" if body else "GET", body=body, timeout=5,
                                               source=self.world.user_of(region), headers=headers)
        given = headers.get("Set-Cookie")
        return status, headers, text, given.split(";")[0] if given else cookie

    def test_a_region_that_lacks_what_a_user_has_seen_says_so(self):
        w = self.world
        frozen = w.pids(EU, "messaging")
        self.assertTrue(frozen)
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)  # no news for this region
        w.wait_until(lambda: all(map(w.is_frozen, frozen)), HANG_S, "the broker to stand still")
        try:
            for accept in ("application/json", "text/event-stream"):
                session = "seen-" + accept[-6:]
                status, headers, text, cookie = self.ask(
                    US, "/agent", body=json.dumps({"prompt": "this is turn 1", "sessionId": session}), accept=accept)
                self.assertEqual(status, 200, text)
                self.assertTrue(cookie.startswith("sealane="), headers)
                self.assertEqual("." in cookie, accept == "text/event-stream", cookie)
            status, headers, text, still = self.ask(EU, f"/sessions/{session}", cookie)
            self.assertGreaterEqual(int(headers.get("X-Sealane-Stale", 0)), 1, (headers, text))
            self.assertEqual(still, cookie, "what it has seen is not forgotten")
            self.assertNotIn("X-Sealane-Stale", self.ask(EU, f"/sessions/{session}")[1], "a stranger has seen nothing")
            status, headers, text = w.get(EU, "/agent", method="POST", source=w.user_of(EU), headers={
                "Cookie": cookie, "X-Sealane-Stale": "refuse"}, body=json.dumps({"prompt": "hm", "sessionId": session}))
            self.assertEqual(status, 503, text)
            self.assertIn("lacks what this session has seen", json.loads(text)["detail"])
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)

        def has_come():
            status, headers, text, _ = self.ask(EU, f"/sessions/{session}", cookie)
            if "X-Sealane-Stale" in headers or headers.get("Sealane-Region") == US or status >= 500:
                return False
            self.assertEqual(status, 200, f"the past, unmarked: {text}")
            self.assertEqual([t["prompt"] for t in json.loads(text)["conversation"]], ["this is turn 1"])
            return True
        w.wait_until(has_come, HANG_S, "the region to have what the user has seen")

    # ── what was acknowledged is there ───────────────────────────────────────────────────────────

    def kill_under_writes(self, kind):
        w = self.world
        with Writer(w, US) as us, Writer(w, EU) as eu:
            for _ in range(2):
                for writer in (us, eu):
                    w.wait_until(writer.have_written(20), HANG_S, "writes")
                before = w.pids(US, kind)
                self.assertTrue(before, f"a {kind} to kill")
                for pid in before:
                    os.kill(pid, signal.SIGKILL)
                w.wait_until(lambda: w.pids(US, kind) not in ([], before), HANG_S, "the keeper to start it again")
                for writer in (us, eu):
                    w.wait_until(writer.have_written(20), HANG_S, "writes to go on")
        took = self.level_again(us, eu)
        print(f"    {kind} killed twice: {len(us.acknowledged)} + {len(eu.acknowledged)} acknowledged, "
              f"{us.failed_count} + {eu.failed_count} failed, level {took * 1000:.0f} ms after the last write")

    def test_a_killed_nats_server_loses_nothing(self):
        self.kill_under_writes("messaging")

    def test_a_killed_node_loses_nothing(self):
        self.kill_under_writes("node")

    def test_a_region_that_was_cut_off_is_level_soon_after_the_heal(self):
        w = self.world
        with Writer(w, US) as us, Writer(w, EU) as eu:
            for writer in (us, eu):
                w.wait_until(writer.have_written(20), HANG_S, "writes")
            w.fault("cut", US)
            end = time.monotonic() + CUT_S
            during = us.have_written(50), eu.have_written(50)
            w.wait_until(lambda: time.monotonic() > end and all(d() for d in during), HANG_S, "both sides to write on")
        self.assertFalse(self.tables_of(EU).has(us.acknowledged[-1]), "nothing was cut")
        count = {r: len(x.acknowledged) for r, x in ((US, us), (EU, eu))}
        w.fault("heal", US)
        took = self.level_again(us, eu)
        print(f"    cut for {CUT_S} s under {count[US]} + {count[EU]} writes: level {took * 1000:.0f} ms after the heal")
        self.assertLess(took, 20)


if __name__ == "__main__":
    own_machine.enter(needed=False)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
