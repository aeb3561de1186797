#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Three regions with tables, each in a network of its own, under faults and under load, in the style of Jepsen: users write and
read in all regions (tests/state/cluster/workload.py says what must hold), while ways between regions are cut, nodes and
nats-servers killed and frozen, regions die, and clocks are off by up to two seconds.

    tests/state_cluster_test.py build/release [TEST ...] [--seconds 600] [--rate 1000]

SEED=... repeats a schedule of faults. How fast regions are level again is printed; only a hang fails. For the figure of a region
that was cut off: --rate 1000 on a machine without other work, TMPDIR=/dev/shm where the disk is slow.
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import own_machine
from state.cluster.client import NO_ANSWER, Refused
from state.cluster.cluster import HANG_S, KEY, REGIONS, SECRET, STATE_PORT, Cluster
from state.cluster.faults import Faults, schedule
from state.cluster.workload import TABLES, TALKS, Workload

US, EU, AP = REGIONS
FAULT_S = 30        # how long things go wrong, unless --seconds says more
CUT_S = 10
RATE = 300          # writes a second in each region: little enough for a machine with other work; --rate 1000 for the figure
LEVEL_CALL_S = 0.1  # a region that needs no longer to show what another has just written is level with it


class StateCluster(unittest.TestCase):
    options = None

    def setUp(self):
        self.seed = int(os.environ.get("SEED", random.randrange(1 << 32)))
        print(f"\n    SEED={self.seed}", flush=True)
        self.dir = tempfile.mkdtemp(prefix="sealane-cluster-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.workload = None

    def begin(self, *tables):
        return self.enterContext(Cluster(self.options.build, os.path.join(self.dir, "world"), tables))

    def work(self, cluster):
        self.workload = Workload(cluster, self.seed)
        self.addCleanup(self.workload.stop)
        self.addCleanup(self.say_what_happened)
        return self.workload

    def say_what_happened(self):
        if not self._outcome.success:
            self.workload.say_what_happened()

    def level(self, cluster, regions):
        """Waits until these regions hold the same bytes; returns how long that took."""
        cluster.wait_until(lambda: all(cluster.answers(r) for r in regions), "all regions to answer")
        start, found = time.monotonic(), None
        while found != []:
            found = self.workload.differences(regions)
            if time.monotonic() - start > HANG_S:
                self.workload.note(f"not level: {found}")
                self.fail(f"rule 2: not level after {HANG_S} s: {(found or ['no answer'])[0][:2000]}")
            time.sleep(0.1)
        return time.monotonic() - start

    def assert_nothing_broken(self):
        self.assertEqual(self.workload.broken, [], f"SEED={self.seed}")

    # ── tests ────────────────────────────────────────────────────────────────────────────────────

    def test_every_rule_holds_under_faults(self):
        faults = schedule(self.seed, self.options.seconds)
        cluster = self.begin(*TABLES)
        workload = self.work(cluster)
        workload.start(REGIONS)
        with Faults(cluster, faults, workload.note) as running:
            running.join()
        workload.stop()
        took = self.level(cluster, REGIONS)
        workload.check(REGIONS)
        self.assert_nothing_broken()
        self.assertGreater(workload.acknowledged_count(), 10 * self.options.seconds, workload.counts)
        print(f"    {len(faults)} faults in {self.options.seconds} s: {workload.acknowledged_count()} appends acknowledged, "
              f"none lost; {workload.counts}; the same bytes everywhere {took:.1f} s after the faults", flush=True)

    def test_a_destroyed_region_takes_nothing_that_another_had_confirmed(self):
        dice = random.Random(self.seed)
        dead = dice.choice(REGIONS)
        left = [r for r in REGIONS if r != dead]
        cluster = self.begin(*TABLES)
        workload = self.work(cluster)
        workload.start(REGIONS)
        # The one that is to die is cut off from one of the others: what it wrote last lives on in a single copy.
        with Faults(cluster, schedule(self.seed, 6), workload.note, spared=left):
            time.sleep(6)
        cluster.networks.impair({(dead, left[0]), (left[0], dead)})
        time.sleep(2)
        workload.note(f"DESTROYED {dead}")
        cluster.destroy(dead)
        time.sleep(3)
        cluster.networks.heal()
        workload.stop()
        self.level(cluster, left)
        lost = workload.check(left, may_lose=lambda table, region: table == TALKS and region == dead)
        self.assert_nothing_broken()
        print(f"    {dead} destroyed under writes: {workload.acknowledged_count()} acknowledged, of which {lost} were its own "
              "and only its own (ack: local); none of ack: remote is lost", flush=True)
        # New machines take its place.
        cluster.replace(dead)
        took = self.level(cluster, REGIONS)
        print(f"    in its place, a new one holds all of it after {took:.1f} s", flush=True)
        workload.check(REGIONS, may_lose=lambda table, region: table == TALKS and region == dead)
        self.assert_nothing_broken()

    # ── under load ───────────────────────────────────────────────────────────────────────────────

    def level_after(self, cluster, start):
        """Until each region shows at once what another has just acknowledged; seconds by (from, to)."""
        took, mutex = {}, threading.Lock()

        def watch(source, target):
            key = {"TableName": "items", "Key": {"id": {"S": "none"}}}
            clients = {region: cluster.client(region) for region in (source, target)}
            while (source, target) not in took and time.monotonic() - start < HANG_S:
                try:
                    cluster.networks.move_in(source)
                    token = clients[source].call("GetItem", key).token
                    cluster.networks.move_in(target)
                    asked = time.monotonic()
                    answer = clients[target].call("GetItem", key, token)
                except (*NO_ANSWER, Refused):
                    continue
                if answer.stale_ms == 0 and time.monotonic() - asked < LEVEL_CALL_S:
                    with mutex:
                        took[source, target] = time.monotonic() - start
            for client in clients.values():
                client.close()
        threads = [threading.Thread(target=watch, args=(a, b)) for a in REGIONS for b in REGIONS if a != b]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(took), len(threads), f"not level {HANG_S} s after the heal: {took}")
        return took

    def load(self, cluster):
        """A client in each region that writes and reads at a steady rate; ends when the test does."""
        keys = os.path.join(self.dir, "keys")
        with open(keys, "w") as f:
            f.write(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
        clients = {}
        for region in REGIONS:
            clients[region] = cluster.run_in(
                region, os.path.join(os.path.abspath(self.options.build), "bench_state_steady"),
                f"{cluster.addresses[region]}:{STATE_PORT}", region, keys, str(self.options.rate), str(self.options.rate / 4),
                stdout=subprocess.PIPE, text=True)
            self.addCleanup(clients[region].stdout.close)
            self.addCleanup(clients[region].wait)
            self.addCleanup(clients[region].kill)
        return clients

    def test_a_region_that_was_cut_off_under_load_is_level_soon(self):
        cluster = self.begin("{ name: items, key: { id: S } }")
        clients = self.load(cluster)
        time.sleep(3)
        before = max(self.level_after(cluster, time.monotonic()).values())
        cluster.networks.impair(cluster.networks.around(EU))
        time.sleep(CUT_S)
        cluster.networks.heal()
        took = self.level_after(cluster, time.monotonic())
        time.sleep(3)
        result = {}
        for region, client in clients.items():
            client.send_signal(signal.SIGTERM)
            result[region] = json.loads(client.communicate(timeout=HANG_S)[0])
        words = ", ".join(f"{a[:2]}>{b[:2]} {s:.2f}" for (a, b), s in sorted(took.items()))
        print(f"    {EU} cut off for {CUT_S} s under {self.options.rate:.0f} writes/s in each region: level "
              f"{max(took.values()):.2f} s after the heal ({words}; before the cut {before:.2f})")
        for region, client in result.items():
            print(f"    {region}: {client}", flush=True)
            self.assertEqual((client["writes"]["refused"], client["reads"]["refused"]), (0, 0))
            self.assertGreater(min(client[kind]["answered"] for kind in ("writes", "reads")), 100)


if __name__ == "__main__":
    own_machine.enter()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", default="build/release")
    parser.add_argument("--seconds", type=float, default=FAULT_S, help="how long things go wrong")
    parser.add_argument("--rate", type=float, default=RATE, help="writes a second in each region, under load")
    StateCluster.options, names = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *names], verbosity=2)
