#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests as Debian's botocore (1.29) signs them, at a fixed time: tests/sigv4_requests.http, which the test of
wire/sigv4 reads. Needs python3-botocore; sends nothing.

    tests/sigv4_requests_test.py           # compares with the committed file
    tests/sigv4_requests_test.py --write   # writes it anew
"""
import datetime
import io
import logging
import os
import pathlib
import sys
import types
import urllib.parse

os.environ["BOTO_DISABLE_CRT"] = "true"  # its own signer, in Python: the other one has the real time

try:
    import botocore.auth
    import botocore.session
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest, AWSResponse
    from botocore.config import Config
    from botocore.credentials import Credentials
except ImportError:
    print("python3-botocore is not installed")
    sys.exit(77)

FILE = pathlib.Path(__file__).parent / "sigv4_requests.http"
# Documentation keys; they open nothing.
FIRST = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SECOND = Credentials("AKIASECONDEXAMPLE000", "second/secret+of=an/example/that/is/longer/than/a/block/of/sha-256/which/has/64")


class Then(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return cls(2026, 11, 22, 23, 30, 0)

    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 22, 23, 30, 0, tzinfo=tz)


# Stands for the module `datetime` inside botocore.auth.
botocore.auth.datetime = types.SimpleNamespace(datetime=Then, timedelta=datetime.timedelta)


def wire(method, url, headers, body):
    parts = urllib.parse.urlsplit(url)
    target = parts.path or "/"
    if parts.query:
        target += "?" + parts.query
    if body is None:
        body = b""
    elif isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = body.read()
    lines = [f"{method} {target} HTTP/1.1"]
    names = {name.lower() for name in headers.keys()}
    if "host" not in names:
        lines.append(f"Host: {parts.netloc}")
    for name, value in headers.items():
        value = value.decode() if isinstance(value, bytes) else value
        if name.lower() in ("user-agent", "amz-sdk-invocation-id"):
            value = "fixed"  # not signed, and different each time
        if name.lower() != "content-length":
            lines.append(f"{name}: {value}")
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Client:
    """A botocore client whose requests end here."""

    def __init__(self, out, service, region, credentials=FIRST, endpoint="http://127.70.0.1:8000"):
        session = botocore.session.Session()
        self.out = out
        self.client = session.create_client(
            service, region_name=region, endpoint_url=endpoint, aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            config=Config(retries={"max_attempts": 0}, parameter_validation=False))
        self.client.meta.events.register("before-send", self.take)

    def take(self, request, **_):
        self.out.append(wire(request.method, request.url, request.headers, request.body))
        empty = b"{}" if "json" in str(request.headers.get("Content-Type")) else b""
        return AWSResponse(request.url, 200, {}, type("Raw", (io.BytesIO,), {"stream": lambda s, **k: [s.read()]})(empty))

    def __call__(self, operation, **parameters):
        try:
            getattr(self.client, operation)(**parameters)
        except Exception as error:  # the answer is empty: only the request counts
            logging.debug("%s: %s", operation, error)


def by_hand(out, method, url, headers, body, service, region, credentials=FIRST, auth=SigV4Auth):
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    auth(credentials, service, region).add_auth(request)
    prepared = request.prepare()
    out.append(wire(method, url, prepared.headers, body))


def requests():
    out = []
    for region in ("eu-west-1", "us-east-1"):
        db = Client(out, "dynamodb", region)
        db("put_item", TableName="AgentSessions", Item={
            "session": {"S": "s-1"}, "turn": {"N": "7"}, "text": {"S": "naïve  \"ünïcode\" \u65e5\u672c \n"}})
        db("get_item", TableName="AgentSessions", Key={"session": {"S": "s-1"}}, ConsistentRead=True)
        db("update_table", TableName="AgentSessions", ReplicaUpdates=[{"Create": {"RegionName": "us-west-2"}}])
        db("list_tables")
    Client(out, "dynamodb", "ap-southeast-2", SECOND)("put_item", TableName="T", Item={"b": {"B": b"\0\1\2" * 500}})
    dns = Client(out, "route53", "us-east-1")
    dns("list_hosted_zones_by_name", DNSName="agent example.com./*+~", MaxItems="5")
    dns("list_resource_record_sets", HostedZoneId="Z1/weird id%41", StartRecordName="\\052.example.com", StartRecordType="A")
    dns("change_resource_record_sets", HostedZoneId="Z1", ChangeBatch={"Changes": [{
        "Action": "UPSERT", "ResourceRecordSet": {"Name": "a.example.com", "Type": "A", "TTL": 60,
                                                  "ResourceRecords": [{"Value": "192.0.2.1"}]}}]})
    dns("delete_health_check", HealthCheckId="0a-b")
    cdn = Client(out, "cloudfront", "eu-west-1", SECOND)
    cdn("list_distributions", Marker="x=y&z", MaxItems="10")
    cdn("get_distribution", Id="E1 2")
    Client(out, "globalaccelerator", "us-west-2")("create_accelerator", Name="a", IdempotencyToken="fixed")
    Client(out, "sts", "us-east-1")("get_caller_identity")

    base = "http://example.test:8000"
    by_hand(out, "GET", base + "/a/./b/../c//d/?b=2&a=%2F~&a=1&B=&c", {}, b"", "dynamodb", "eu-west-1")
    by_hand(out, "POST", base + "/", {"X-Amz-Meta": "  two   blanks\tand a tab ", "Content-Type": "text/plain"}, b"x",
            "dynamodb", "eu-west-1")
    by_hand(out, "PUT", base + "/bucket/a%20key/../%C3%BC", {}, b"content", "s3", "eu-west-1", auth=S3SigV4Auth)
    return out


def main():
    made = b"".join(requests())
    if "--write" in sys.argv:
        FILE.write_bytes(made)
    elif made != FILE.read_bytes():
        (pathlib.Path("/tmp") / FILE.name).write_bytes(made)
        sys.exit(f"this botocore signs otherwise: compare {FILE} with /tmp/{FILE.name}")


main()
