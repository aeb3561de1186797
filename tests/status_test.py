#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`sealane status` and `sealane top` of a live world, of half of one, and of none.

    tests/status_test.py build/release
"""
import json
import os
import signal
import subprocess
import sys
import unittest

import own_machine
from live_world import PATIENT, REGIONS, LiveWorld

US, EU = REGIONS


def sealane(*argv):
    return subprocess.run([os.path.join(BUILD, "sealane"), *argv], capture_output=True, text=True, timeout=60)


class Overview(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = LiveWorld(BUILD, 40, PATIENT)
        cls.world.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.world.__exit__(None, None, None)

    def nodes(self):
        done = sealane("status", self.world.world, "-o", "json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = json.loads(done.stdout)
        self.assertEqual(said["domain"], self.world.domain)
        return {n["region"]: n for n in said["nodes"]}

    def test_1_a_world_that_is_well(self):
        before = self.nodes()
        self.assertEqual(sorted(before), sorted(REGIONS))
        for _ in range(10):
            self.assertEqual(self.world.get(US, "/ping")[0], 204)
            self.assertEqual(self.world.answer(EU, self.world.near(EU)), [self.world.ips[EU]])
        after = self.nodes()
        for region, counter, least in ((US, "requests", 10), (EU, "dns_queries", 10)):
            grown = after[region]["traffic"][counter] - before[region]["traffic"][counter]
            self.assertGreaterEqual(grown, least, (region, counter))
        for node in after.values():
            self.assertTrue(node["reachable"] and node["ready"])
            self.assertTrue(all(e["healthy"] for e in node["endpoints"]))
            self.assertEqual(node["plan"], self.world.status(US)["plan"])
        done = sealane("status", self.world.world)
        self.assertEqual(done.returncode, 0)
        self.assertIn("2 of 2 nodes answer", done.stdout)
        self.assertIn("nothing is down", done.stdout)

    def test_2_top_goes_on_until_it_is_told_to_stop(self):
        top = subprocess.Popen([os.path.join(BUILD, "sealane"), "top", self.world.world, "-o", "json"],
                               stdout=subprocess.PIPE, text=True)
        try:
            for _ in range(3):
                self.assertEqual(len(json.loads(top.stdout.readline())["nodes"]), 2)
            top.send_signal(signal.SIGINT)
            self.assertEqual(top.wait(20), 0)
        finally:
            top.kill()
            top.stdout.close()
            top.wait()

    def test_3_half_a_world(self):
        self.world.fault("kill", EU)
        self.world.wait_until(lambda: not self.nodes()[EU]["reachable"], 30, "the node to be gone")
        self.world.wait_until(lambda: not all(e["healthy"] for e in self.nodes()[US]["endpoints"]), 30, "that to be noticed")
        done = sealane("status", self.world.world)
        self.assertEqual(done.returncode, 0)
        self.assertIn("1 of 2 nodes answer", done.stdout)
        self.assertIn("no answer", done.stdout)
        down = done.stdout.split("\ndown ", 1)[1]
        self.assertIn(f"{EU} node {self.world.ips[EU]}", down)
        self.assertIn(self.world.ips[US], down)

    def test_4_no_world(self):
        self.world.stop()
        for command in ("status", "top"):
            done = sealane(command, self.world.world)
            self.assertEqual(done.returncode, 3, done)
            self.assertIn("no node of agent.example.test answers", done.stderr)

    def test_5_wrong_input(self):
        self.assertEqual(sealane("status", "/no/such/world.yaml").returncode, 2)
        self.assertEqual(sealane("status", self.world.world, "-o", "xml").returncode, 2)


if __name__ == "__main__":
    own_machine.enter(needed=False)
    BUILD = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev")
    unittest.main(verbosity=2)
