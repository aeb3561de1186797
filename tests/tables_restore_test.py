#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Snapshots of a running node's tables, and the way back from one, as docs/OPERATING.md has it.

    tests/tables_restore_test.py build/release [TEST ...]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

import own_machine
from live_world import PATIENT, REGIONS, LiveWorld
from table_client import Tables

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
US, EU = REGIONS
HANG_S = 60
WORLD = "state: { tables: [ { name: notes, key: { id: S } } ] }"


class Restore(unittest.TestCase):
    def setUp(self):
        self.world = self.enterContext(LiveWorld(BUILD, 82, PATIENT, extra=WORLD, agents_per_region=1))
        self.dir = os.path.join(self.world.dir, "snapshots")
        self.at = {r: Tables(self.world, r) for r in REGIONS}
        for tables in self.at.values():
            self.addCleanup(tables.close)

    def sealane(self, *arguments, code=0):
        done = subprocess.run([f"{BUILD}/sealane", "tables", *arguments, "--world", self.world.world, "--data", self.world.data],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        return done.stdout + done.stderr

    def put(self, region, *names):
        for name in names:
            self.at[region].call("PutItem", TableName="notes", Item={"id": {"S": name}})

    def delete(self, region, *names):
        for name in names:
            self.at[region].call("DeleteItem", TableName="notes", Key={"id": {"S": name}})

    def notes(self, region):
        return set(self.at[region].scan("notes"))

    def wait_for(self, expected, *regions):
        def there():
            try:
                return all(self.notes(r) == expected for r in regions)
            except Exception:  # a node that is still starting
                return False
        self.world.wait_until(there, HANG_S, f"{regions} to hold {len(expected)} notes")

    def kill(self, region):
        def is_dead(pid):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    return f.read().rpartition(")")[2].split()[0] == "Z"  # its files are closed then
            except FileNotFoundError:
                return True
        pids = self.world.pids(region)
        self.world.fault("kill", region)
        self.world.wait_until(lambda: all(is_dead(pid) for pid in pids), HANG_S, f"{region} to be dead")

    def heal(self, *regions):
        for region in regions:
            self.world.fault("heal", region)
        self.world.wait_until(self.world.all_level, HANG_S, "the world to be level")
        for tables in self.at.values():
            tables.close()  # connections to nodes that are no more

    def own_dir(self, region):
        return os.path.join(self.world.data, f"node-{self.world.ips[region]}")

    def source(self, region):
        """The log that this region's node writes, as the other one knows it."""
        other = EU if region == US else US
        node, = [r for r in self.world.status(other)["state"]["replicas"] if r["region"] == region]
        return node["source"]

    def test_a_node_comes_back_from_a_snapshot(self):
        w = self.world
        old = {f"old-{i}" for i in range(40)}
        self.put(US, *sorted(old))
        self.wait_for(old, US, EU)
        said = self.sealane("snapshot", "--region", EU, "--to", self.dir)
        self.assertIn(f"tables of {w.ips[EU]}", said)
        with open(os.path.join(self.dir, "snapshot.json")) as f:
            info = json.load(f)
        self.assertEqual((info["world"], info["region"], info["source"]), (w.domain, EU, self.source(EU)))
        # Links, not copies: what is in RocksDB's files is there once.
        tables = [os.path.join(self.dir, "tables", f) for f in os.listdir(os.path.join(self.dir, "tables")) if f.endswith(".sst")]
        self.assertTrue(tables)
        self.assertTrue(any(os.stat(f).st_nlink > 1 for f in tables), tables)

        # The world goes on, and forgets what was removed.
        gone = {f"old-{i}" for i in range(20)}
        self.delete(US, *sorted(gone))
        self.put(EU, "new")
        now = (old - gone) | {"new"}
        self.wait_for(now, US, EU)
        before = self.source(EU)

        refused = self.sealane("restore", "--region", EU, "--from", self.dir, code=2)
        self.assertIn("stop the node first", refused)
        self.assertIn("is of a node of eu-west-1", self.sealane("restore", "--region", US, "--from", self.dir, code=2))
        self.kill(EU)
        said = self.sealane("restore", "--region", EU, "--from", self.dir)
        kept = re.search(r"What was there is in (\S+):", said).group(1)
        self.assertTrue(os.path.isdir(kept))
        self.heal(EU)
        self.wait_for(now, US, EU)
        # The other node knows of it by the next hello: positions of a log must not be used twice.
        w.wait_until(lambda: self.source(EU) != before, HANG_S, "the node to begin a log of its own")
        self.put(EU, "after")
        self.wait_for(now | {"after"}, US, EU)

    def test_a_world_that_lost_all_its_disks_comes_back_from_one_snapshot(self):
        w = self.world
        kept = {f"kept-{i}" for i in range(20)}
        self.put(EU, *sorted(kept))
        self.wait_for(kept, US, EU)
        said = self.sealane("snapshot", "--region", EU)
        place = said.split(": tables of")[0]
        self.assertTrue(place.startswith(os.path.join(os.path.abspath(self.own_dir(EU)), "snapshots")), place)
        elsewhere = os.path.join(w.dir, "elsewhere")
        shutil.move(place, elsewhere)
        self.put(US, "lost with the disks")
        self.wait_for(kept | {"lost with the disks"}, US, EU)
        for region in REGIONS:
            self.kill(region)
            shutil.rmtree(self.own_dir(region))
        self.sealane("restore", "--region", EU, "--from", elsewhere)
        self.heal(*REGIONS)
        self.wait_for(kept, US, EU)
        self.put(US, "on")
        self.wait_for(kept | {"on"}, US, EU)

    def test_what_is_no_snapshot_is_refused(self):
        self.kill(EU)
        self.assertIn("is no snapshot", self.sealane("restore", "--region", EU, "--from", self.world.dir, code=2))
        self.assertIn("no node of", self.sealane("snapshot", "--region", "mars-north-1", "--to", self.dir, code=2))


if __name__ == "__main__":
    own_machine.enter(needed=False)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
