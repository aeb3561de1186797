#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tables that another server keeps (`engine: dynamodb`): a world of two regions that both hand theirs to one dynalite.

    tests/state_handoff_test.py build/release [TEST ...]

Programs written for AWS cannot tell that a node stands between (tests/state/ asks them all); a conversation goes on when its
region dies; the server may go and come back; and over TLS it must show a certificate for its name.
"""
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from live_world import PATIENT, REGIONS, LiveWorld, certificate

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "state"))
import run_against  # noqa: E402

BUILD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release")
US, EU = REGIONS
OCTET = 94
SKIPPED = 77
HANG_S = 60
TABLES = "tables: [ { name: sessions, key: { session_id: S }, ttl_attribute: expires_at } ]"


def world_of(endpoint, octet=OCTET, more=""):
    return LiveWorld(BUILD, octet, PATIENT, agents_per_region=1,
                     extra=f"state: {{ engine: dynamodb, endpoint: '{endpoint}', {TABLES}{more} }}")


def keys_of(world):
    with open(os.path.join(world.data, "sealane-keys")) as f:
        return dict(re.findall(r"^(aws_\w+) *= *(\S+)$", f.read(), re.M))


def client(test, world, region, **config):
    made = boto3.client("dynamodb", endpoint_url=f"http://{world.ips[region]}:{world.ports['state']}", region_name=region,
                        config=Config(connect_timeout=5, read_timeout=15, **config), **keys_of(world))
    test.addCleanup(made.close)
    return made


class Relay:
    """Listens with TLS and passes everything on to an address in the clear."""

    def __init__(self, to):
        self.to, self.context = to, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def show(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near, self.context), daemon=True).start()

    def _serve(self, near, context):
        try:
            with near, context.wrap_socket(near, server_side=True) as inside, socket.create_connection(self.to) as far:
                back = threading.Thread(target=self._copy, args=(far, inside), daemon=True)
                back.start()
                self._copy(inside, far)
                back.join()
        except (OSError, AttributeError):  # no certificate yet, or one that was refused
            near.close()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


class Handed(unittest.TestCase):
    """On one world, whose server is dynalite."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(run_against.dynalite(CLIENTS, "127.0.0.1"))
        cls.world = cls.enterClassContext(world_of(cls.server))

    def setUp(self):
        self.world.wait_until(self.world.all_level, HANG_S, "the world to be level")

    def state_of(self, region):
        return self.world.status(region)["state"]

    # ── the same tests as for any other server ───────────────────────────────────────────────────

    def test_programs_written_for_aws_cannot_tell(self):
        keys = keys_of(self.world)
        environment = {**os.environ, "JUDGE": "handoff", "REGION": US, "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
                       "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"]}
        done = subprocess.run([os.path.join(HERE, "state", "run_against.py"), "--endpoint",
                               f"http://{self.world.ips[US]}:{self.world.ports['state']}"], env=environment)
        self.assertEqual(done.returncode, 0)

    # ── the world's own tables ───────────────────────────────────────────────────────────────────

    def test_what_the_world_declares_is_there_and_what_the_server_lacks_is_told(self):
        for region in REGIONS:
            state = self.state_of(region)
            self.assertEqual((state["engine"], state["endpoint"], state["reachable"]), ("dynamodb", self.server, True))
            self.assertEqual([t["name"] for t in state["declared"]], ["sessions"])
            self.assertIn("does not expire items", state["declared"][0]["trouble"])
            table = client(self, self.world, region).describe_table(TableName="sessions")["Table"]
            self.assertEqual(table["KeySchema"], [{"AttributeName": "session_id", "KeyType": "HASH"}])
        events = [line["event"] for line in self.world.log(US)]
        self.assertIn(events.count("table_differs"), range(1, events.count("tables") + 1), "once for each start")

    def test_no_messages_between_the_regions_are_needed(self):
        self.assertEqual([self.world.pids(r, "messaging") for r in REGIONS], [[], []])
        self.assertFalse(os.path.exists(os.path.join(self.world.data, f"node-{self.world.ips[US]}", "tables")))

    def test_the_commands_know_such_a_world(self):
        def sealane(*argv):
            return subprocess.run([os.path.join(BUILD, "sealane"), *argv], capture_output=True, text=True, timeout=60)
        done = sealane("check", self.world.world)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        nodes = json.loads(sealane("status", self.world.world, "-o", "json").stdout)["nodes"]
        self.assertEqual([(n["reachable"], n["ready"]) for n in nodes], [(True, True)] * 2)

    # ── conversations ────────────────────────────────────────────────────────────────────────────

    def test_a_conversation_of_ten_turns_survives_its_region(self):
        w = self.world
        replies = [self.world.turn("ten", n) for n in range(1, 6)]
        w.fault("kill", US)
        try:
            replies += [self.world.turn("ten", n) for n in range(6, 11)]
        finally:
            w.fault("heal", US)
        self.assertEqual([r["turns"] for r in replies], list(range(1, 11)))
        self.assertEqual([r["region"] for r in replies], [US] * 5 + [EU] * 5)
        self.assertTrue(all(r["continued"] for r in replies[1:]))
        w.wait_until(w.all_level, HANG_S, "the world to be level")
        for region in REGIONS:
            status, _, text = w.get(region, "/sessions/ten", source=w.user_of(region))
            self.assertEqual(status, 200)
            self.assertEqual([t["prompt"] for t in json.loads(text)["conversation"]], [f"this is turn {n}" for n in range(1, 11)])

    def test_a_drill_finds_no_turn_lost(self):
        report = os.path.join(self.world.dir, "drill.json")
        subprocess.run([os.path.join(BUILD, "sealane"), "drill", "--data", self.world.data, "--json", report, "--rate", "10",
                        "--streams", "1", "--kill", EU], capture_output=True, timeout=240)
        with open(report) as f:
            turns = json.load(f)["turns"]
        self.assertTrue(turns)
        self.assertGreater(sum(t["acknowledged"] for t in turns), 10)
        self.assertEqual(sum(t["lost"] for t in turns), 0)


class Faults(unittest.TestCase):
    """Worlds of their own, whose server comes and goes."""

    def test_the_server_may_be_away_at_the_start_and_later(self):
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            port = reserved.getsockname()[1]
        w = world_of(f"http://127.0.0.1:{port}", more=", endpoint_region: us-west-2")
        w.all_level = lambda: all(w.status(r)["ready"] for r in REGIONS)
        with w:
            once = client(self, w, US, retries={"max_attempts": 0})
            with self.assertRaises(ClientError) as caught:
                once.list_tables()
            self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 500)
            self.assertEqual(caught.exception.response["Error"]["Code"], "InternalServerError")
            self.assertFalse(w.status(US)["state"]["reachable"])

            patient = client(self, w, US, retries={"max_attempts": 8, "mode": "standard"})
            found = []
            asking = threading.Thread(target=lambda: found.append(patient.list_tables()["TableNames"]))
            asking.start()
            with self.server_at(port):
                asking.join(HANG_S)
                self.assertEqual(len(found), 1, "the SDK repeats by itself what ended in a 500")
                for region in REGIONS:
                    w.wait_until(lambda: all(t["ready"] for t in w.status(region)["state"]["declared"]), HANG_S,
                                 "the tables to be made")
                once.put_item(TableName="sessions", Item={"session_id": {"S": "a"}})
            with self.assertRaises(ClientError):
                once.list_tables()
            with self.server_at(port):  # it forgot everything: a new one
                self.assertEqual(once.list_tables()["TableNames"], [])
            events = [line["event"] for line in w.log(US) if line["event"].startswith("tables_endpoint")]
            self.assertEqual(events, ["tables_endpoint_away", "tables_endpoint_answers"] * 2)

    @staticmethod
    def server_at(port):
        return run_against.dynalite(CLIENTS, "127.0.0.1", port)

    def test_over_tls_the_certificate_must_be_for_the_servers_name(self):
        with run_against.dynalite(CLIENTS, "127.0.0.1") as server:
            relay = Relay(("127.0.0.1", int(server.rpartition(":")[2])))
            self.addCleanup(relay.close)
            w = world_of(f"https://127.0.0.1:{relay.port}", OCTET + 2)
            w.all_level = lambda: all(w.status(r)["ready"] for r in REGIONS)
            with w:
                ca = os.path.join(w.data, "ca")
                db = client(self, w, US, retries={"max_attempts": 0})
                for name, how in (("stranger", {}), ("another", {"ca": ca, "address": "127.0.0.9"})):
                    relay.show(*certificate(w.dir, name, **how))
                    with self.assertRaises(ClientError) as caught:
                        db.list_tables()
                    self.assertIn("certificate verify failed", str(caught.exception))
                relay.show(*certificate(w.dir, "server", ca))
                w.wait_until(lambda: all(t["ready"] for r in REGIONS for t in w.status(r)["state"]["declared"]), HANG_S,
                             "the tables to be made")
                self.assertEqual(db.list_tables()["TableNames"], ["sessions"])


if __name__ == "__main__":
    CLIENTS = run_against.installed()
    if CLIENTS is None:
        sys.exit(SKIPPED)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
