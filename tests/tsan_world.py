#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps every thread of a live world busy: see tsan_world.sh. Arguments: BUILD_DIR LOG_DIR."""
import http.client
import os
import shutil
import signal
import subprocess
import sys
import threading

from live_world import REGIONS, SESSIONS, LiveWorld
from table_client import Refused, Tables

US, EU = REGIONS
HANG_S = 300  # a reload alone takes a minute of a busy machine


def main(build, logs):
    edge = ', cache: [{ path: "/docs/*", ttl: { min: 60s, default: 300s, max: 1h } }]'
    with LiveWorld(build, 101, "interval: 50ms, timeout: 500ms, failures: 2", edge, lanes=2, extra=SESSIONS) as world:
        with open(world.world) as f:
            text = f.read()
        stop = threading.Event()
        statuses = set()
        turn_count = {r: 0 for r in REGIONS}

        def ask(region, path):
            while not stop.is_set():
                try:
                    statuses.add(world.get(region, path, timeout=20)[0])
                    world.answer(region, world.near(US), timeout=5)
                except OSError:
                    pass

        # Writes of both regions to the same items: with waiting for the disk and for the other region, replication, conflicts.
        def converse(region):
            tables = Tables(world, region)
            while not stop.is_set():
                number = turn_count[region]
                try:
                    tables.call("UpdateItem", TableName="sessions", Key={"session_id": {"S": f"s{number % 5}"}},
                                UpdateExpression="SET turns = list_append(if_not_exists(turns, :none), :turn), title = :title",
                                ExpressionAttributeValues={":none": {"L": []}, ":turn": {"L": [{"N": str(number)}]},
                                                           ":title": {"S": region}})
                    tables.call("Scan", TableName="sessions", Limit=3)
                    turn_count[region] += 1
                    if number % 50 == 0:
                        tables.call("PutItem", TableName="sessions", Item={"session_id": {"S": f"s{number % 5}"}})
                except (OSError, http.client.HTTPException, Refused):
                    pass
                stop.wait(0.02)  # the other threads want their turn too
            tables.close()

        def sealane(*arguments):
            subprocess.run([f"{build}/sealane", "tables", *arguments, "--world", world.world, "--data", world.data], check=True,
                           timeout=120, capture_output=True)

        askers = [threading.Thread(target=converse, args=(r,)) for r in REGIONS for _ in range(2)] + [threading.Thread(target=ask, args=(r, p)) for r in REGIONS for p in ("/ping", "/docs/", "/tools")]
        for t in askers:
            t.start()
        for i in range(3):
            with open(world.world, "w") as f:
                f.write(text.replace("ttl: 5s", f"ttl: {6 + i}s"))
            before = {r: world.status(r)["plan"] for r in REGIONS}
            for r in REGIONS:
                os.kill(world.pids(r, "node")[0], signal.SIGHUP)
            world.wait_until(lambda: all(world.status(r)["plan"] != before[r] for r in REGIONS), HANG_S, "the reload")
        for pid in world.pids(US, "agent"):
            os.kill(pid, signal.SIGKILL)
        world.wait_until(lambda: world.answer(EU, world.near(US), timeout=5) == [world.ips[EU]], HANG_S, "the failover")
        world.wait_until(lambda: all(world.level(r) for r in REGIONS), HANG_S, "the return")
        world.wait_until(lambda: all(n > 100 for n in turn_count.values()), HANG_S, "turns in both regions")
        sealane("snapshot", "--region", EU)
        sealane("conflicts")
        stop.set()
        for t in askers:
            t.join()
        assert 200 in statuses, statuses
        world.up.send_signal(signal.SIGTERM)  # a drain of every node
        world.up.wait(60)
        shutil.copytree(os.path.join(world.data, "log"), os.path.join(logs, "log"))


main(sys.argv[1], sys.argv[2])
