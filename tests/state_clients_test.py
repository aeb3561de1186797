#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs written for AWS, unchanged, against the tables of a live world of two regions: tests/state/ has them.

    tests/state_clients_test.py build/release
"""
import os
import re
import subprocess
import sys

from live_world import PATIENT, LiveWorld

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/release")
REGIONS = ("us-east-1", "eu-west-1")


def keys_of(world):
    with open(os.path.join(world.data, "sealane-keys")) as f:
        return dict(re.findall(r"^(aws_\w+) *= *(\S+)$", f.read(), re.M))


with LiveWorld(BUILD, 85, PATIENT, regions=REGIONS, agents_per_region=1, extra="state: { enabled: true }") as world:
    keys = keys_of(world)
    environment = {**os.environ, "REGION": REGIONS[0], "REPLICA": REGIONS[1], "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
                   "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"]}
    code = subprocess.run([os.path.join(HERE, "state", "run_against.py"), "--endpoint",
                           f"http://{world.ips[REGIONS[0]]}:8000"], env=environment).returncode
sys.exit(code)
