#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long users feel a fault, measured on a live two-region world: kills and freezes of the agents of one
region, DNS answers of the other region's node and requests through the struck region's own edge.

    tests/failover_figures.py --build build/release --tries 20

Prints the figures and judges nothing: a shared machine can be slow. The rules themselves (who is answered,
what may fail) are held by tests/failover_test.py and by the plays.
"""
import argparse
import os
import random
import signal
import statistics
import threading
import time

from live_world import REGIONS, LiveWorld

US, EU = REGIONS


class Load:
    """Open-loop GETs through one edge, from a few threads; each result is (start, seconds, outcome)."""

    def __init__(self, world, region, threads=4, pause_s=0.02):
        self.world, self.region, self.pause_s = world, region, pause_s
        self.results, self.stopped = [], False
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]
        for t in self.threads:
            t.start()

    def run(self):
        while not self.stopped:
            start = time.monotonic()
            try:
                outcome = self.world.get(self.region, "/ping", timeout=5)[0]
            except OSError as e:
                outcome = str(e)
            self.results.append((start, time.monotonic() - start, outcome))
            time.sleep(self.pause_s)

    def stop(self):
        self.stopped = True
        for t in self.threads:
            t.join()
        return self.results


def one_try(world, fault):
    """Seconds until EU's DNS answer for US users changed, and the load's results through US's own edge."""
    world.wait_until(lambda: all(world.level(r) for r in REGIONS), 60, "the world to be level")
    assert world.answer(EU, world.near(US)) == [world.ips[US]]
    load = Load(world, US)
    # Long enough that the keeper starts what dies without delay, then a random moment of the check's cycle.
    time.sleep(2.1 + random.random() * 0.2)
    pids = world.pids(US, "agent")
    struck = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGKILL if fault == "kill" else signal.SIGSTOP)
    world.wait_until(lambda: world.answer(EU, world.near(US)) == [world.ips[EU]], 10, "the answer to change", 0.001)
    changed = time.monotonic() - struck
    time.sleep(0.5)
    results = load.stop()
    if fault == "freeze":
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    return changed, results


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build/release")
    p.add_argument("--tries", type=int, default=20)
    p.add_argument("--octet", type=int, default=61)
    p.add_argument("--fast", action="store_true", help="interval 20ms, timeout 20ms, failures 2")
    a = p.parse_args()
    health = "interval: 20ms, timeout: 20ms, failures: 2" if a.fast else None
    with LiveWorld(a.build, a.octet, health) as world:
        for fault in ("kill", "freeze"):
            changes, waits, failed, count = [], [], 0, 0
            for _ in range(a.tries):
                changed, results = one_try(world, fault)
                changes.append(changed * 1000)
                waits.append(max(r[1] for r in results) * 1000)
                failed += sum(r[2] != 204 for r in results)
                count += len(results)
                bad = {str(r[2]) for r in results if r[2] != 204}
                if bad:
                    print("   failed with", bad)
            print(f"{fault:>6}: DNS changed after {min(changes):.0f} / {statistics.median(changes):.0f} / {max(changes):.0f} ms"
                  f" (min / median / max of {a.tries}); {count} GETs through the struck region's edge: {failed} failed,"
                  f" longest wait {max(waits):.0f} ms", flush=True)


if __name__ == "__main__":
    main()
