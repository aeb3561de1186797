#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client of the AWS tutorial, unchanged, in front of a Sealane world: Node.js, HTTPS on port 443, and the
system's own resolver, on a machine of its own.

    tests/tutorial_test.py build/release
"""
import json
import os
import shutil
import subprocess
import sys
import unittest

import own_machine

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")
US, EU, AP = REGIONS
DOMAIN = "agent.yourdomain.com"
HERE = os.path.dirname(os.path.abspath(__file__))


class Client:
    """A user whose program runs all along: one prompt in, one answer out."""

    def __init__(self, session, world):
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "tutorial_client.mjs"), session], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": os.path.join(world.data, "ca", "ca.pem")})

    def ask(self, prompt):
        self.process.stdin.write(prompt + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client has ended"
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def resolve(name):
    """As any program of this machine would."""
    out = subprocess.run(["getent", "ahostsv4", name], capture_output=True, text=True, timeout=30).stdout
    return sorted({line.split()[0] for line in out.splitlines()})


def curl(world, *arguments):
    out = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", os.path.join(world.data, "ca", "ca.pem"),
                          *arguments], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    return out.stdout


class Tutorial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from live_world import PATIENT, LiveWorld
        own_machine.use_name_servers([f"127.{i}.0.1" for i in (1, 2, 3)])
        cls.world = cls.enterClassContext(LiveWorld(
            BUILD, 1, PATIENT, regions=REGIONS, domain=DOMAIN, viewer_protocol="redirect-to-https", agents_per_region=1,
            ports={"dns": 53, "http": 80, "https": 443}))

    def setUp(self):
        for region in REGIONS:
            self.world.fault("heal", region)  # whatever a failed test has left
        self.world.wait_until(self.world.all_level, 60, "the world to be level")

    def region_host(self, region):
        return f"agent-{region}.yourdomain.com"

    def test_every_name_of_the_tutorial_resolves_to_its_region(self):
        for region in REGIONS:
            self.assertEqual(resolve(self.region_host(region)), [self.world.ips[region]])
        self.assertEqual(resolve(DOMAIN), [self.world.ips[US]])  # 127.0.0.1 is near nobody: the first of `failover`

    def test_the_client_finds_a_region_and_is_answered_there(self):
        with Client("s1", self.world) as client:
            first = client.ask("what is 6*7?")
            self.assertEqual(first.get("status"), 200, first)
            self.assertIn("42", first["body"]["reply"])
            self.assertEqual(first["body"]["sessionId"], "s1")
            region = first["body"]["region"]
            self.assertEqual(first["host"], self.region_host(region), "the region that it chose has answered")
            self.assertEqual(first["servedBy"], region)

    def test_each_regions_host_answers_from_that_region(self):
        for region in REGIONS:
            body = curl(self.world, f"https://{self.region_host(region)}/agent", "-d", '{"prompt": "2+2"}')
            self.assertEqual(json.loads(body)["region"], region)

    def test_plain_http_is_sent_to_https(self):
        head = curl(self.world, "-i", f"http://{DOMAIN}/docs/?a=b")
        self.assertRegex(head, r"^HTTP/1.1 301 ")
        self.assertIn(f"https://{DOMAIN}/docs/?a=b", head)
        out = curl(self.world, "-L", "-w", "%{url_effective}", f"http://{DOMAIN}/agent", "-d", '{"prompt": "2+2"}')
        self.assertIn("2+2 = 4", out)  # 307: the method and the body survive
        self.assertTrue(out.endswith(f"https://{DOMAIN}/agent"), out)

    def test_a_stranger_to_the_worlds_ca_is_warned(self):
        out = subprocess.run(["curl", "-sS", f"https://{DOMAIN}/ping"], capture_output=True, text=True)
        self.assertEqual(out.returncode, 60, out.stderr)

    def test_a_dead_region_is_not_the_clients_trouble(self):
        w = self.world
        with Client("s2", w) as client:
            self.assertEqual(client.ask("hello").get("status"), 200)
            for struck in REGIONS:
                w.fault("kill", struck)
                left = [r for r in REGIONS if r != struck]
                heir = left[0]  # the first of `failover` that lives
                w.wait_until(lambda: all(w.answer(r, name=self.region_host(struck)) == [w.ips[heir]] for r in left),
                             20, "the region's name to lead elsewhere")
                # The client still lists the dead region; by its name it reaches another one.
                self.assertEqual(resolve(self.region_host(struck)), [w.ips[heir]])
                for i in range(5):
                    answer = client.ask(f"{i}+1")
                    self.assertEqual(answer.get("status"), 200, answer)
                    self.assertIn(answer["body"]["region"], left)
                body = curl(w, f"https://{self.region_host(struck)}/agent", "-d", '{"prompt": "2+2"}')
                self.assertEqual(json.loads(body)["region"], heir)
                w.fault("heal", struck)
                w.wait_until(w.all_level, 60, "the region to return")
                self.assertEqual(resolve(self.region_host(struck)), [w.ips[struck]])
                self.assertEqual(client.ask("hello again").get("status"), 200)

    def test_a_region_without_agents_still_pings_and_posts(self):
        w = self.world
        w.fault("kill-agents", AP)
        body = curl(w, f"https://{self.region_host(AP)}/agent", "-d", '{"prompt": "2+2"}')
        self.assertIn(json.loads(body)["region"], REGIONS)
        # The next test waits for a level world, which this one is until its nodes have noticed.
        w.wait_until(lambda: not w.level(AP), 20, "the death to be noticed")


if __name__ == "__main__":
    for program in ("node", "curl", "ip"):
        if shutil.which(program) is None:
            print(f"SKIPPED: tutorial_test.py needs {program} (packages nodejs, curl, iproute2)")
            sys.exit(own_machine.SKIPPED)
    own_machine.enter()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2, failfast=True)
