#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`sealane drill` on a live world, with each fault, and `sealane demo --once`: their exit codes, and that their
reports are what they say they are: JSON, and one page of HTML that needs nothing from outside.

    tests/drill_test.py build/release

Whether every bound was kept is the drill's own verdict on this machine at this moment. It is asked again a few
times, because a machine with other work can miss one; what is demanded is that code, page and figures agree.
"""
import html.parser
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree

import own_machine
from live_world import PATIENT, REGIONS, LiveWorld

US, EU = REGIONS
TRIES = 3


def sealane(*argv, timeout=240):
    return subprocess.run([os.path.join(BUILD, "sealane"), *argv], capture_output=True, text=True, timeout=timeout)


class Page(html.parser.HTMLParser):
    """Well-formed, and nothing is loaded from anywhere."""
    EMPTY = {"meta", "br", "hr", "img", "link", "input"}

    def __init__(self, text):
        super().__init__()
        self.open, self.faults, self.text = [], [], ""
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"never closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        names = dict(attributes)
        if tag in ("script", "link", "img", "iframe") or "src" in names or names.get("href", "#")[0] != "#":
            self.faults.append(f"from outside: <{tag} {attributes}>")
        if any(name.startswith("on") for name in names):
            self.faults.append(f"a script in {tag}")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data):
        self.text += data


class Reports(unittest.TestCase):
    """What the two kinds of tests look at."""

    def judge(self, done, folder, region, fault):
        """True when the drill found everything kept; fails when its reports are not in order."""
        with open(os.path.join(folder, "drill.json")) as f:
            said = json.load(f)
        self.assertEqual(done.returncode, 0 if said["good"] else 1, done.stdout[-2000:] + done.stderr)
        self.assertEqual((said["region"], said["fault"]), (region, fault))
        verdicts = said["expectations"]
        self.assertGreater(len(verdicts), 5)
        self.assertEqual(said["good"], all(v["met"] is not False for v in verdicts))
        for rows in ("health", "dns", "users", "streams"):
            self.assertTrue(said[rows], rows)
        self.assertGreater(sum(u["requests"] for u in said["users"]), 50)
        with open(os.path.join(folder, "drill.html"), encoding="utf-8") as f:
            text = f.read()
        page = Page(text)
        self.assertEqual(page.faults, [])
        for word in (region, self.world.domain):
            self.assertIn(word, page.text)
        pictures = [xml.etree.ElementTree.fromstring(svg) for svg in re.findall("<svg.*?</svg>", text, re.DOTALL)]
        self.assertGreater(max(len(list(picture.iter())) for picture in pictures), 50)
        return said["good"]


class Drills(Reports):
    @classmethod
    def setUpClass(cls):
        cls.world = LiveWorld(BUILD, 40, PATIENT)
        cls.world.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.world.__exit__(None, None, None)

    def drill(self, *argv):
        return sealane("drill", "--data", self.world.data, "--report", os.path.join(self.world.dir, "drill.html"),
                       "--json", os.path.join(self.world.dir, "drill.json"), "--rate", "20", "--streams", "2", *argv)

    def test_each_fault_is_survived_and_reported(self):
        good, said = [], ""
        for fault, region in (("kill", US), ("freeze", EU), ("cut", US)):
            for _ in range(TRIES):
                self.world.wait_until(self.world.all_level, 60, "the world to be level")
                done = self.drill(f"--{fault}", region)
                said += done.stdout[-2000:]
                if self.judge(done, self.world.dir, region, fault):
                    good.append(fault)
                    break
            # It healed what it broke.
            self.world.wait_until(self.world.all_level, 60, "the world to be level")
        print(f"   every bound was kept for: {' '.join(good)}", flush=True)
        self.assertTrue(good, said)

    def test_an_interrupted_drill_heals_and_says_no(self):
        self.world.wait_until(self.world.all_level, 60, "the world to be level")
        run = subprocess.Popen([os.path.join(BUILD, "sealane"), "drill", "--data", self.world.data, "--kill", EU,
                                "--duration", "10min", "--rate", "5", "--streams", "1"], stdout=subprocess.DEVNULL)
        try:
            self.world.wait_until(lambda: not self.world.level(US), 60, "the fault")
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(120), 1)
        finally:
            run.kill()
            run.wait()
        self.world.wait_until(self.world.all_level, 60, "the world to be level again")

    def test_wrong_input_is_2_and_breaks_nothing(self):
        for argv in (["--kill", "mars"], ["--kill", US, "--freeze", EU], [], ["--kill", US, "--duration", "soon"],
                     ["--kill", US, "--world", "/no/such/world.yaml"]):
            done = self.drill(*argv)
            self.assertIn(done.returncode, (2, 3) if "--world" in argv else (2,), (argv, done.stderr))
            self.assertTrue(done.stderr)
        self.assertTrue(self.world.all_level())

    def test_without_a_world_it_is_3(self):
        done = sealane("drill", "--data", os.path.join(self.world.dir, "nowhere"), "--kill", US)
        self.assertEqual(done.returncode, 3, done.stderr)

    def test_a_world_that_is_not_well_is_3(self):
        self.world.wait_until(self.world.all_level, 60, "the world to be level")
        agents = self.world.pids(US, "agent")
        for pid in agents:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.world.wait_until(lambda: not self.world.level(EU), 60, "that to be noticed")
            self.assertEqual(self.drill("--kill", EU).returncode, 3)
        finally:
            for pid in agents:
                os.kill(pid, signal.SIGCONT)
        self.world.wait_until(self.world.all_level, 60, "the world to be level")


class Demo(Reports):
    def test_the_demo_brings_a_world_up_and_leaves_nothing_behind(self):
        self.world = LiveWorld(BUILD, 42, PATIENT)
        try:
            for left in reversed(range(TRIES)):
                done = sealane("demo", self.world.world, "--once", "--data", self.world.data)
                if self.judge(done, self.world.data, US, "kill"):
                    break
                self.assertGreater(left, 0, done.stdout[-3000:])
            end = time.monotonic() + 20
            while any(os.path.exists(f"/proc/{pid}") for r in REGIONS for pid in self.world.pids(r)):
                self.assertLess(time.monotonic(), end, "processes are left behind")
                time.sleep(0.05)
        finally:
            self.world.__exit__(None, None, None)

    def test_wrong_input_is_2(self):
        self.assertEqual(sealane("demo", "/no/such/world.yaml", "--once").returncode, 2)


if __name__ == "__main__":
    own_machine.enter(needed=False)
    BUILD = os.path.abspath(sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev")
    unittest.main(verbosity=2)
