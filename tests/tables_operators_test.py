#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What operators see of a live world's tables: who lost a conflict, how far behind a region is, how many items there are.

    tests/tables_operators_test.py build/release [TEST ...]
"""
import json
import os
import re
import signal
import subprocess
import sys
import unittest

import own_machine
from live_world import PATIENT, REGIONS, LiveWorld
from table_client import Refused, Tables

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
US, EU = REGIONS
HANG_S = 60
WORLD = "state: { tables: [ { name: notes, key: { id: S } } ] }"


class Operators(unittest.TestCase):
    def setUp(self):
        self.world = LiveWorld(BUILD, 83, PATIENT, extra=WORLD, agents_per_region=1)
        if "disk" in self.id():
            self.disk = self.small_disk(self.world.ips[EU])
        self.enterContext(self.world)
        self.at = {r: Tables(self.world, r) for r in REGIONS}
        for tables in self.at.values():
            self.addCleanup(tables.close)

    def small_disk(self, ip):
        """A disk of its own for a node: what is left beside the reserve that a node keeps (64 MiB) is soon full."""
        place = os.path.join(self.world.data, f"node-{ip}")
        os.makedirs(place)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "none", place], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("no mounts here: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", place])
        return place

    def conflicts(self, *arguments, code=0, keys=None):
        done = subprocess.run([f"{BUILD}/sealane", "tables", "conflicts", *arguments, "--world", self.world.world, "--data",
                               self.world.data, *(("--keys", keys) if keys else ())],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done.stdout if code == 0 else done.stderr

    def status_of_tables(self):
        """The rows of `sealane status` on tables: by (node, node whose writes it reads), how far it is behind."""
        done = subprocess.run([f"{BUILD}/sealane", "status", self.world.world], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = done.stdout.partition("tables at")[2].partition("\n\n")[0].splitlines()[1:]
        return {(words[0], words[2]): words[3] for words in map(str.split, rows)}

    def set_title(self, region, name, title):
        self.at[region].call("UpdateItem", TableName="notes", Key={"id": {"S": name}}, UpdateExpression="SET title = :t",
                             ExpressionAttributeValues={":t": {"S": title}})

    def title(self, region, name):
        item = self.at[region].call("GetItem", TableName="notes", Key={"id": {"S": name}}).get("Item", {})
        return item.get("title", {}).get("S")

    def describe(self, region):
        return self.at[region].call("DescribeTable", TableName="notes")["Table"]

    def replica(self, asked, of):
        return next(r for r in self.describe(asked)["Replicas"] if r["RegionName"] == of)

    def test_conflicts_are_told(self):
        w = self.world
        self.assertIn("no value has lost", self.conflicts())
        self.set_title(US, "n", "first")
        w.wait_until(lambda: self.title(EU, "n") == "first", HANG_S, "the first title to arrive")
        w.fault("cut", EU)
        self.set_title(US, "n", "of us \x1b[2J")
        self.set_title(EU, "n", "of eu")
        w.fault("heal", EU)
        w.wait_until(lambda: self.title(US, "n") == self.title(EU, "n") == "of eu", HANG_S, "both regions to agree")
        w.wait_until(lambda: json.loads(self.conflicts("-o", "json"))["conflicts"], HANG_S, "the conflict to be told", 0.2)
        noticed = []
        for place in ((), ("--region", US), ("--node", w.ips[EU])):
            one, = json.loads(self.conflicts("notes", "-o", "json", *place))["conflicts"]
            self.assertEqual((one["table"], one["key"], one["attribute"]), ("notes", {"id": {"S": "n"}}, "title"))
            self.assertEqual((one["lost"]["value"], one["lost"]["region"]), ({"S": "of us \x1b[2J"}, US))
            self.assertEqual((one["won"]["value"], one["won"]["region"]), ({"S": "of eu"}, EU))
            self.assertEqual(one["won"]["node"], w.ips[EU])
            noticed.append(one["noticed"])
        text = self.conflicts()
        self.assertIn("of us", text)
        self.assertNotIn("\x1b", text)
        self.assertIn("no value has lost", self.conflicts("others"))
        self.assertIn("no value has lost", self.conflicts("--before", min(noticed)))

    def test_only_keys_that_may_are_told_of_conflicts(self):
        w = self.world
        path = os.path.join(w.data, "sealane-keys")
        with open(path) as f:
            kept = f.read()
        with open(path, "w") as f:  # an agent's key: for dynamodb only
            f.write(kept + "\n[agent]\naws_access_key_id = AKIDAGENT00000000000\naws_secret_access_key = secretofanagent\n"
                    "sealane_services = dynamodb\n")
        for region in REGIONS:
            os.kill(w.pids(region, "node")[0], signal.SIGHUP)
        agents = os.path.join(w.dir, "agents-keys")
        with open(agents, "w") as f:
            f.write("[default]\naws_access_key_id = AKIDAGENT00000000000\naws_secret_access_key = secretofanagent\n")
        os.chmod(agents, 0o600)
        w.wait_until(lambda: "AccessDenied" in self.conflicts(keys=agents, code=2), HANG_S, "the key to be known and refused", 0.2)
        nobody = os.path.join(w.dir, "nobody")
        with open(nobody, "w") as f:
            f.write("[default]\naws_access_key_id = AKIDNOBODY0000000000\naws_secret_access_key = x\n")
        os.chmod(nobody, 0o600)
        self.assertIn("UnrecognizedClient", self.conflicts(keys=nobody, code=2))
        self.assertIn("no keys in", self.conflicts(keys=os.path.join(w.dir, "none"), code=2))
        # Nothing of it is on the page that asks for no signature.
        status, _, _ = w.get(US, "/conflicts", w.ports["metrics"])
        self.assertEqual(status, 404)

    def test_a_region_that_is_behind_is_seen(self):
        w = self.world
        source, = self.replica(US, EU)["SealaneLag"]["Sources"]
        self.assertEqual(source["Node"], w.ips[EU])
        w.wait_until(lambda: self.replica(US, EU)["SealaneLag"]["Sources"][0]["SecondsBehind"] == 0, HANG_S, "US to be level")
        w.fault("cut", EU)
        w.wait_until(lambda: "ReplicaStatusDescription" in self.replica(US, EU), HANG_S, "the silence to be told")
        behind = self.replica(US, EU)
        self.assertEqual(behind["ReplicaStatus"], "ACTIVE")
        self.assertGreater(behind["SealaneLag"]["Sources"][0]["SecondsBehind"], 1)
        # The page that `sealane status` reads is drawn up four times a second, so it may be older than the answer above.
        w.wait_until(lambda: re.match("[0-9.]+", self.status_of_tables()[w.ips[US], w.ips[EU]]), HANG_S, "the same from sealane status")
        self.set_title(EU, "n", "x")
        w.fault("heal", EU)

        def level():
            lag = self.replica(US, EU)["SealaneLag"]["Sources"][0]
            return lag["SecondsBehind"] == 0 and lag["BytesBehind"] == 0 and self.title(US, "n") == "x"
        w.wait_until(level, HANG_S, "US to be level again")
        w.wait_until(lambda: self.status_of_tables()[w.ips[US], w.ips[EU]] == "level", HANG_S, "the same from sealane status")
        self.assertNotIn("ReplicaStatusDescription", self.replica(US, EU))

    def test_a_full_disk_refuses_writes_and_loses_nothing(self):
        w, kept = self.world, []

        def put(region, name):
            try:
                self.at[region].call("PutItem", TableName="notes", Item={"id": {"S": name}, "b": {"S": os.urandom(50_000).hex()}})
                return ""
            except Refused as refusal:
                return str(refusal)
        why = ""
        for i in range(2000):
            why = put(EU, f"eu-{i}")
            if why:
                break
            kept.append(f"eu-{i}")
        self.assertTrue(why.startswith("500 ") and "InternalServerError" in why, why or "the disk was never full")
        self.assertTrue(self.at[EU].has(kept[0]) and self.at[EU].has(kept[-1]), "reads go on")
        self.assertEqual(put(US, "us"), "", "the other region goes on")
        kept.append("us")
        subprocess.run(["mount", "-o", "remount,size=1g", self.disk], check=True)
        w.wait_until(lambda: not put(EU, "again"), HANG_S, "writes to be taken again")
        kept.append("again")
        for region in REGIONS:
            w.wait_until(lambda r=region: all(self.at[r].has(name) for name in kept), HANG_S, f"{region} to hold all that was acknowledged")

    def test_counts_are_exact_after_a_kill_and_after_a_stop(self):
        w = self.world

        def counted(region):
            try:
                table = self.describe(region)
                return "SealaneItemCountStatus" not in table and (table["ItemCount"], table["TableSizeBytes"])
            except Refused:
                return None

        for i in range(300):
            self.set_title(US, f"n{i:03}", "x" * i)
        expected = 300, sum(len("id") + 4 + len("title") + i for i in range(300))
        for region in REGIONS:
            w.wait_until(lambda r=region: counted(r) == expected, HANG_S, f"{region} to have counted")
        for signal_number in (signal.SIGKILL, signal.SIGTERM):
            for region in REGIONS:
                before = w.pids(region, "node")
                os.kill(before[0], signal_number)
                w.wait_until(lambda r=region, b=before: w.pids(r, "node") not in ([], b), HANG_S, "the keeper to start it again")
                w.wait_until(lambda r=region: counted(r) == expected, HANG_S, f"{region} to count as before")
        self.at[US].call("DeleteItem", TableName="notes", Key={"id": {"S": "n299"}})
        for region in REGIONS:
            w.wait_until(lambda r=region: counted(r) and counted(r)[0] == 299, HANG_S, f"{region} to count one less")


if __name__ == "__main__":
    own_machine.enter(needed=False)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
