#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two regions with a data directory each, as on two machines, started by the very lines of docs/OPERATING.md ("Two machines, by
hand"): its world file, its commands, and the ExecStart lines of its units, with other places and addresses.

    tests/by_hand_test.py build/release
"""
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import own_machine
from live_world import PORTS, LiveWorld
from table_client import Refused, Tables

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
HERE = os.path.dirname(os.path.abspath(__file__))
HANG_S = 60
ADDRESSES = {"us-east-1": ("192.0.2.10", "127.86.0.1"), "eu-west-1": ("198.51.100.10", "127.87.0.1")}


def walk_through():
    with open(os.path.join(HERE, "..", "docs", "OPERATING.md")) as f:
        text = f.read()
    return text.split("## Two machines, by hand")[1].split("\n## ")[0]


def blocks(text, kind):
    return [re.sub(r"^   ", "", b, flags=re.M) for b in re.findall(rf"```{kind}\n(.*?)```", text, re.S)]


class Machine:
    """What LiveWorld is to a test, for one region of a world that nobody but the test runs."""

    def __init__(self, directory, region):
        self.region, self.dir = region, os.path.join(directory, region)
        self.ips, self.ports = {r: there for r, (_, there) in ADDRESSES.items()}, PORTS
        self.etc, self.data = os.path.join(self.dir, "etc"), os.path.join(self.dir, "lib")
        self.processes = []
        os.makedirs(self.etc)

    def user_of(self, region):
        return self.ips[region]

    def here(self, text):
        """A line of the guide as it is for this machine."""
        for region, (documented, there) in ADDRESSES.items():
            text = text.replace(documented, there)
        for documented, there in (("/etc/sealane", self.etc), ("/var/lib/sealane", self.data),
                                  ("/usr/bin/sealane", f"{BUILD}/sealane")):
            text = text.replace(documented, there)
        return re.sub(r"^sealane ", f"{BUILD}/sealane ", text, flags=re.M)

    def of_this_region(self, text):
        us, there = "us-east-1", self.here(text)
        return there.replace(us, self.region).replace(self.ips[us], self.ips[self.region])

    def start(self, command, name):
        with open(os.path.join(self.dir, name + ".log"), "a") as log:
            self.processes.append(subprocess.Popen(shlex.split(command), stdout=log, stderr=subprocess.STDOUT))

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()


class ByHand(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="sealane-by-hand-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.machines = {region: Machine(self.directory, region) for region in ADDRESSES}
        for machine in self.machines.values():
            self.addCleanup(machine.stop)

    def set_up(self, machine, guide):
        world, = blocks(guide, "yaml")
        with open(os.path.join(machine.etc, "world.yaml"), "w") as f:
            f.write(machine.here(world))
        commands, = blocks(guide, "sh")
        subprocess.run(["sh", "-ec", machine.of_this_region(commands)], check=True, timeout=60)
        config = os.path.join(machine.etc, "nats.conf")
        self.assertEqual(stat.S_IMODE(os.stat(config).st_mode), 0o600)
        units = blocks(guide, "ini")
        self.assertEqual(len(units), 2)
        for unit in units:
            name = re.search(r"^# \S+/(\S+)\.service$", unit, re.M).group(1)
            machine.start(machine.of_this_region(re.search(r"^ExecStart=(.*)$", unit, re.M).group(1)), name)

    def say_what_happened(self):
        for machine in self.machines.values():
            for name in ("sealane-nats.log", "sealane.log"):
                path = os.path.join(machine.dir, name)
                if os.path.exists(path):
                    with open(path, errors="replace") as f:
                        print(f"--- {path}", *f.read().splitlines()[-15:], sep="\n", flush=True)

    def test_the_guide_leads_to_a_world(self):
        try:
            self.follow_the_guide()
        except BaseException:
            self.say_what_happened()
            raise

    def follow_the_guide(self):
        guide = walk_through()
        us, eu = self.machines.values()
        self.set_up(us, guide)
        keys = os.path.join(us.data, "sealane-keys")
        LiveWorld.wait_until(lambda: os.path.exists(keys), HANG_S, "the first node to make its keys")
        os.makedirs(eu.data)
        shutil.copytree(os.path.join(us.data, "ca"), os.path.join(eu.data, "ca"))
        shutil.copy(keys, eu.data)
        self.set_up(eu, guide)

        tables = {m.region: Tables(m, m.region) for m in self.machines.values()}
        for each in tables.values():
            self.addCleanup(each.close)

        def turns(region, session):
            try:
                item = tables[region].call("GetItem", TableName="sessions", Key={"session_id": {"S": session}}).get("Item", {})
            except (Refused, OSError):
                return []
            return [t["S"] for t in item.get("turns", {"L": []})["L"]]

        def say(region, session, turn):
            def said():
                try:
                    tables[region].call("UpdateItem", TableName="sessions", Key={"session_id": {"S": session}},
                                        UpdateExpression="SET turns = list_append(if_not_exists(turns, :none), :turn)",
                                        ExpressionAttributeValues={":none": {"L": []}, ":turn": {"L": [{"S": turn}]}})
                    return True
                except (Refused, OSError):
                    return False
            LiveWorld.wait_until(said, HANG_S, f"{region} to serve its tables")

        say("us-east-1", "s", "hello")
        LiveWorld.wait_until(lambda: turns("eu-west-1", "s") == ["hello"], HANG_S, "the turn to reach the other machine")
        say("eu-west-1", "s", "world")
        LiveWorld.wait_until(lambda: turns("us-east-1", "s") == ["hello", "world"], HANG_S, "the turn to come back")
        said = subprocess.run([f"{BUILD}/sealane", "status", os.path.join(us.etc, "world.yaml")], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        self.assertIn("2 of 2 nodes answer", said)
        refused = subprocess.run([f"{BUILD}/sealane", "nats-config", "--world", os.path.join(us.etc, "world.yaml"), "--region",
                                  "mars-north-1", "--data", us.data], capture_output=True, text=True, timeout=60)
        self.assertEqual((refused.returncode, "no region 'mars-north-1'" in refused.stderr), (2, True), refused.stderr)


if __name__ == "__main__":
    own_machine.enter(needed=False)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
