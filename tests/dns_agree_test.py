#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The name server before three judges who know nothing of each other: dig (BIND), kdig (Knot) and dnspython.

    tests/dns_agree_test.py build/release

Starts `sealane serve` on 127.20.5.1 (SEALANE_DNS_NET=127.20.5 moves it) with a world of two regions and a zone,
asks every kind of question with all three, and then throws mutated packets at it: no crash, no malformed answer,
and the right answers afterwards. SEALANE_DNS_SEED replays the packets, SEALANE_DNS_MUTANTS says how many.
"""
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ROOT = pathlib.Path(__file__).resolve().parents[1]
NET = os.environ.get("SEALANE_DNS_NET", "127.20.5")
ADDRESS, PORT = f"{NET}.1", 5300
SEED = int(os.environ.get("SEALANE_DNS_SEED", random.randrange(1 << 32)))
MUTANTS = int(os.environ.get("SEALANE_DNS_MUTANTS", 30_000))

WORLD = f"""
domain: agent.example.test
lanes: 1
regions:
  us-east-1:
    nodes: [{NET}.1]
    clients: [10.1.0.0/16]
  eu-west-1:
    nodes: [{NET}.2]
    clients: [10.2.0.0/16, "2001:db8:2::/48"]
routing: {{ policy: latency, ttl: 5s }}
edge: {{ enabled: false }}
zones:
  - {{ name: example.test, file: example.test.zone }}
"""
ZONE = """
$TTL 300
@        SOA ns1 hostmaster 7 3600 600 86400 120
         NS  ns1
         MX  10 mail
         CAA 0 issue "ca.example.test"
ns1      A   192.0.2.53
mail     A   192.0.2.25
         AAAA 2001:db8::25
www      CNAME host
host     A   192.0.2.80
         AAAA 2001:db8::80
         TXT "one" "two \\"three\\""
         HTTPS 1 . alpn="h2" port=8443 ipv4hint=192.0.2.80 ipv6hint=2001:db8::80
svc      SVCB 1 host alpn="h2,http/1.1" port=53
ptr      PTR host
_x._tcp  SRV 1 2 3 mail
naptr    NAPTR 100 10 "u" "sip" "!^.*$!sip:a@b!" .
odd      TYPE731 \\# 3 abcdef
gone     CNAME nobody
out      CNAME www.elsewhere.test.
to-agent CNAME agent
*.wild   A   192.0.2.99
a.b.deep A   192.0.2.7
sub      NS  ns.sub
ns.sub   A   192.0.2.54
sub      DS  1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
""" + "".join(f'big TXT "{i}{"x" * 200}"\n' for i in range(10, 50))


BUILD = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/release"


def sealane_binary():
    return str((ROOT / BUILD / "sealane").resolve(strict=True))


class Server:
    """A node that answers DNS, in a folder of its own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sealane-dns-test-"))
        (self.folder / "world.yaml").write_text(WORLD)
        (self.folder / "example.test.zone").write_text(ZONE)
        # The key of cookies comes from the world's own secret, which an edge would have made.
        (self.folder / ".sealane" / "ca").mkdir(parents=True)
        (self.folder / ".sealane" / "ca" / "ca.key").write_text("a secret of this test")
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            [sealane_binary(), "serve", "--world", "world.yaml", "--region", "us-east-1", "--roles", "dns"],
            cwd=self.folder, stdout=self.log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while True:
            try:
                ask("host.example.test", "A", timeout=0.2)
                return
            except (OSError, dns.exception.DNSException):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("does not answer: " + (self.folder / "log").read_text()[-2000:])
                time.sleep(0.05)

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder)


def ask(name, rdtype, timeout=2, tcp=False, flags=0, **edns):
    query = dns.message.make_query(name, rdtype, **edns)
    query.flags = flags
    return (dns.query.tcp if tcp else dns.query.udp)(query, ADDRESS, timeout=timeout, port=PORT)


def records(section):
    """What a section says, in a form in which the three can be compared."""
    return sorted((rrset.name.to_text().lower(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata.to_text())
                  for rrset in section for rdata in rrset)


def tool(command, name, rdtype, *options):
    """(status, flags, answer, authority) as dig or kdig prints them."""
    once = ["+tries=1"] if command == "dig" else ["+retry=0"]
    if command == "dig" and not any("cookie" in option for option in options):
        once.append("+nocookie")
    arguments = [command, f"@{ADDRESS}", "-p", str(PORT), name, rdtype, "+norecurse", "+timeout=2", *once, *options]
    out = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False).stdout
    status = re.search(r"status: (\w+)", out)
    flags = re.search(r"flags: ([a-z ]*)", out, re.IGNORECASE)
    sections = {"ANSWER": [], "AUTHORITY": []}
    current = None
    for line in out.splitlines():
        title = re.match(r";; (\w+) SECTION", line)
        if title:
            current = title.group(1)
        elif not line.strip():
            current = None
        elif current in sections and not line.startswith(";"):
            owner, ttl, _, kind, data = line.split(None, 4)
            data = dns.rdata.from_text("IN", kind, data).to_text()
            sections[current].append((owner.lower(), int(ttl), kind, data))
    return (status.group(1) if status else None, set(flags.group(1).split()) if flags else set(),
            sorted(sections["ANSWER"]), sorted(sections["AUTHORITY"]), out)


class DnsAgree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def agree(self, name, rdtype, status="NOERROR"):
        """All three judges read the same; returns dnspython's message."""
        reply = ask(name, rdtype)
        self.assertEqual(dns.rcode.to_text(reply.rcode()), status)
        for command in ("dig", "kdig"):
            got_status, flags, answer, authority, out = tool(command, name, rdtype)
            self.assertEqual(got_status, status, f"{command} {name} {rdtype}\n{out}")
            self.assertEqual(answer, records(reply.answer), f"{command} {name} {rdtype}")
            self.assertEqual(authority, records(reply.authority), f"{command} {name} {rdtype}")
            self.assertEqual("aa" in flags, bool(reply.flags & dns.flags.AA), f"{command} {name} {rdtype}")
            self.assertNotIn("WARNING", out.upper().replace("RECURSION", ""), f"{command} {name} {rdtype}")
        return reply

    def test_every_record_type(self):
        for name, rdtype in [("host", "A"), ("host", "AAAA"), ("host", "TXT"), ("host", "HTTPS"), ("www", "CNAME"),
                             ("svc", "SVCB"), ("ptr", "PTR"), ("_x._tcp", "SRV"), ("naptr", "NAPTR"),
                             ("odd", "TYPE731"), ("sub", "DS")]:
            with self.subTest(name=name, rdtype=rdtype):
                self.assertEqual(len(self.agree(f"{name}.example.test", rdtype).answer), 1)
        for rdtype in ("SOA", "NS", "MX", "CAA"):
            with self.subTest(rdtype=rdtype):
                self.assertEqual(len(self.agree("example.test", rdtype).answer), 1)

    def test_aliases_wildcards_and_what_is_not_there(self):
        self.assertEqual(len(self.agree("www.example.test", "A").answer), 2)
        self.assertEqual(len(self.agree("out.example.test", "A").answer), 1)
        self.agree("gone.example.test", "A", status="NXDOMAIN")
        self.assertEqual(len(self.agree("any.thing.wild.example.test", "A").answer), 1)
        nodata = self.agree("host.example.test", "MX")
        self.assertEqual((len(nodata.answer), nodata.authority[0].ttl), (0, 120))
        self.assertEqual(len(self.agree("b.deep.example.test", "A").answer), 0)
        self.agree("nobody.example.test", "A", status="NXDOMAIN")

    def test_a_delegation_is_a_referral_with_glue(self):
        reply = self.agree("www.sub.example.test", "A")
        self.assertFalse(reply.flags & dns.flags.AA)
        self.assertEqual(records(reply.authority)[0][2], "NS")
        self.assertEqual(records(reply.additional), [("ns.sub.example.test.", 300, "A", "192.0.2.54")])

    def test_the_client_subnet_decides_and_its_scope_comes_back(self):
        for subnet, bits, region, scope in [("10.1.2.0", 24, 1, 16), ("10.2.9.0", 24, 2, 16), ("2001:db8:2::", 56, 2, 48)]:
            with self.subTest(subnet=subnet):
                reply = ask("agent.example.test", "A", use_edns=0, options=[dns.edns.ECSOption(subnet, bits)])
                self.assertEqual([r[3] for r in records(reply.answer)], [f"{NET}.{region}"])
                echoed = [o for o in reply.options if isinstance(o, dns.edns.ECSOption)]
                self.assertEqual([(o.address, o.srclen, o.scopelen) for o in echoed], [(subnet, bits, scope)])
                for command in ("dig", "kdig"):
                    status, _, answer, _, out = tool(command, "agent.example.test", "A", f"+subnet={subnet}/{bits}")
                    self.assertEqual((status, answer), ("NOERROR", records(reply.answer)), out)
                    self.assertIn(f"{bits}/{scope}", out)

    def test_a_cname_leads_to_a_steered_name(self):
        reply = ask("to-agent.example.test", "A", use_edns=0, options=[dns.edns.ECSOption("10.2.0.0", 24)])
        self.assertEqual([r[2:] for r in records(reply.answer)], [("A", f"{NET}.2"), ("CNAME", "agent.example.test.")])

    def test_nsid_names_the_node(self):
        for command in ("dig", "kdig"):
            out = tool(command, "host.example.test", "A", "+nsid")[4]
            self.assertIn(ADDRESS, out.replace('"', ""))

    def test_a_cookie_comes_back_and_is_known_again(self):
        for command in ("dig", "kdig"):
            out = tool(command, "host.example.test", "A", "+cookie=0011223344556677")[4]
            self.assertRegex(out, r"(?i)cookie: 0011223344556677 ?[0-9a-f]{32}", command)
        reply = ask("host.example.test", "A", use_edns=0, options=[dns.edns.GenericOption(10, b"12345678")])
        cookie = [o for o in reply.options if o.otype == 10][0].data
        self.assertEqual(len(cookie), 24)
        again = ask("host.example.test", "A", use_edns=0, options=[dns.edns.GenericOption(10, cookie)])
        self.assertEqual([o.data for o in again.options if o.otype == 10], [cookie])

    def test_what_does_not_fit_is_asked_again_over_tcp(self):
        self.assertTrue(ask("big.example.test", "TXT").flags & dns.flags.TC)
        self.assertTrue(ask("big.example.test", "TXT", use_edns=0, payload=4096).flags & dns.flags.TC)
        whole = records(ask("big.example.test", "TXT", tcp=True).answer)
        self.assertEqual(len(whole), 40)
        for command in ("dig", "kdig"):  # both retry by themselves
            self.assertEqual(tool(command, "big.example.test", "TXT")[2], whole, command)

    def test_many_queries_on_one_connection_in_pieces(self):
        names = [("host", "A"), ("big", "TXT"), ("nobody", "A"), ("www", "AAAA")] * 5
        queries = [dns.message.make_query(f"{n}.example.test", t) for n, t in names]
        stream = b"".join(struct.pack(">H", len(q.to_wire())) + q.to_wire() for q in queries)
        with socket.create_connection((ADDRESS, PORT), timeout=5) as s:
            for at in range(0, len(stream), 13):
                s.sendall(stream[at:at + 13])
            for query in queries:
                reply, _ = dns.query.receive_tcp(s, expiration=time.time() + 5)
                self.assertTrue(query.is_response(reply))
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(s.recv(1), b"")

    def test_any_is_hinfo(self):
        self.assertEqual([r[2:] for r in records(ask("host.example.test", "ANY").answer)], [("HINFO", '"RFC8482" ""')])

    def test_the_case_of_the_question_is_kept(self):
        name = "HoSt.eXaMpLe.TeSt"
        reply = ask(name, "A")
        self.assertEqual(reply.question[0].name.to_text(), name + ".")
        self.assertEqual(len(reply.answer), 1)
        self.assertIn(name, tool("dig", name, "A")[4])  # kdig writes names in lower case itself

    def test_what_is_not_ours_is_refused(self):
        self.agree("www.elsewhere.test", "A", status="REFUSED")
        self.agree("test", "SOA", status="REFUSED")
        self.assertIn("Transfer failed", tool("dig", "example.test", "AXFR")[4])

    def test_errors_have_their_code(self):
        good = dns.message.make_query("host.example.test", "A", use_edns=0).to_wire()
        def code(packet):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(2)
                s.sendto(packet, (ADDRESS, PORT))
                return dns.rcode.to_text(dns.message.from_wire(s.recv(65535)).rcode())
        self.assertEqual(code(good), "NOERROR")
        self.assertEqual(code(good + b"x"), "FORMERR")
        self.assertEqual(code(good[:-3]), "FORMERR")
        self.assertEqual(code(good[:4] + b"\0\2" + good[6:]), "FORMERR")
        self.assertEqual(code(good[:2] + b"\x20" + good[3:]), "NOTIMP")
        for command in ("dig", "kdig"):
            self.assertIn("BADVERS", tool(command, "host.example.test", "A", "+edns=1", *(
                ["+noednsneg"] if command == "dig" else []))[4])

    def test_mutated_packets_do_no_harm(self):
        dice = random.Random(SEED)
        seeds = [dns.message.make_query(n, t, use_edns=0, options=o).to_wire() for n, t, o in [
            ("host.example.test", "A", []), ("big.example.test", "TXT", [dns.edns.GenericOption(3, b"")]),
            ("agent.example.test", "A", [dns.edns.ECSOption("10.2.0.0", 24)]), ("x.wild.example.test", "A", []),
            ("to-agent.example.test", "AAAA", [dns.edns.GenericOption(10, b"1234567812345678")]),
            ("www.sub.example.test", "A", [])]]
        def mutate():
            packet = bytearray(dice.choice(seeds))
            for _ in range(dice.randrange(1, 5)):
                kind = dice.randrange(4)
                at = dice.randrange(len(packet)) if packet else 0
                if kind == 0 and packet:
                    packet[at] ^= 1 << dice.randrange(8)
                elif kind == 1 and packet:
                    packet[at] = dice.choice([0, 1, 63, 64, 192, 255])
                elif kind == 2:
                    packet = packet[:at]
                else:
                    packet[at:at] = dice.randbytes(dice.randrange(1, 8))
            return bytes(packet)
        answered = 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.connect((ADDRESS, PORT))
            for number in range(MUTANTS // 50):
                batch = [mutate() for _ in range(50)]
                for packet in batch:
                    s.send(packet)
                # Behind each batch a query for a name that no change of a byte makes: when it is answered, the batch has been.
                last = dns.message.make_query(f"last-{number}.wild.example.test", "A")
                s.send(last.to_wire())
                s.settimeout(5)
                while True:
                    reply = s.recv(65535)
                    answered += 1
                    if reply[2] & 0x78:  # dnspython does not read every opcode; NOTIMP is a bare header
                        self.assertEqual((len(reply), reply[3] & 15), (12, dns.rcode.NOTIMP), f"seed {SEED}")
                        continue
                    message = dns.message.from_wire(reply)  # raises on anything malformed
                    self.assertTrue(message.flags & dns.flags.QR, f"seed {SEED}")
                    if last.is_response(message):
                        self.assertEqual(len(message.answer), 1)
                        break
        self.assertGreater(answered, MUTANTS // 4, f"seed {SEED}")
        self.assertTrue(self.server.alive(), f"seed {SEED}")
        self.test_every_record_type()

    def test_mutated_streams_do_no_harm(self):
        dice = random.Random(SEED + 1)
        good = dns.message.make_query("host.example.test", "A").to_wire()
        for _ in range(200):
            stream = bytearray(b"".join(struct.pack(">H", len(good)) + good for _ in range(3)))
            for _ in range(dice.randrange(1, 4)):
                stream[dice.randrange(len(stream))] = dice.randrange(256)
            with socket.create_connection((ADDRESS, PORT), timeout=5) as s:
                s.sendall(stream)
                s.shutdown(socket.SHUT_WR)
                answer = b""
                try:
                    while part := s.recv(65535):
                        answer += part
                except ConnectionResetError:
                    pass
            while len(answer) >= 2 and len(answer) >= 2 + (size := struct.unpack(">H", answer[:2])[0]):
                if not answer[4] & 0x78:
                    dns.message.from_wire(answer[2:2 + size])
                answer = answer[2 + size:]
            self.assertEqual(answer, b"", f"seed {SEED}: half an answer")
        self.assertTrue(self.server.alive())
        self.assertEqual(len(ask("host.example.test", "A", tcp=True).answer), 1)


if __name__ == "__main__":
    print(f"seed {SEED}")
    unittest.main(verbosity=2)
