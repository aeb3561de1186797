#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps every thread of a live world busy: see tsan_world.sh. Arguments: BUILD_DIR LOG_DIR."""
import os
import shutil
import signal
import sys
import threading

from live_world import REGIONS, LiveWorld

US, EU = REGIONS


def main(build, logs):
    edge = ', cache: [{ path: "/docs/*", ttl: { min: 60s, default: 300s, max: 1h } }]'
    with LiveWorld(build, 101, "interval: 50ms, timeout: 500ms, failures: 2", edge, lanes=2) as world:
        with open(world.world) as f:
            text = f.read()
        stop = threading.Event()
        statuses = set()

        def ask(region, path):
            while not stop.is_set():
                try:
                    statuses.add(world.get(region, path, timeout=20)[0])
                    world.answer(region, world.near(US), timeout=5)
                except OSError:
                    pass

        askers = [threading.Thread(target=ask, args=(r, p)) for r in REGIONS for p in ("/ping", "/docs/", "/tools")]
        for t in askers:
            t.start()
        for i in range(3):
            with open(world.world, "w") as f:
                f.write(text.replace("ttl: 5s", f"ttl: {6 + i}s"))
            before = {r: world.status(r)["plan"] for r in REGIONS}
            for r in REGIONS:
                os.kill(world.pids(r, "node")[0], signal.SIGHUP)
            world.wait_until(lambda: all(world.status(r)["plan"] != before[r] for r in REGIONS), 60, "the reload")
        for pid in world.pids(US, "agent"):
            os.kill(pid, signal.SIGKILL)
        world.wait_until(lambda: world.answer(EU, world.near(US), timeout=5) == [world.ips[EU]], 60, "the failover")
        world.wait_until(lambda: all(world.level(r) for r in REGIONS), 60, "the return")
        stop.set()
        for t in askers:
            t.join()
        assert 200 in statuses, statuses
        world.up.send_signal(signal.SIGTERM)  # a drain of every node
        world.up.wait(60)
        shutil.copytree(os.path.join(world.data, "log"), os.path.join(logs, "log"))


main(sys.argv[1], sys.argv[2])
