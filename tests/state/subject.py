# SPDX-License-Identifier: Apache-2.0
"""The server under test, as Debian's boto3 and a bare HTTP connection see it, and the ground all cases stand on.

A case is a method `test_*`; with `@rows(...)` it is one test for each row, whose first element names it. What is known
to be otherwise in dynalite stands in differs.py: with JUDGE=dynalite, or JUDGE=handoff (dynalite behind a Sealane node), such
a case must fail, so that no mark outlives its reason.
"""
import contextlib
import decimal
import fnmatch
import http.client
import json
import os
import re
import sys
import time
import unittest
import urllib.parse
import uuid

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions

import differs

JUDGE = os.environ.get("JUDGE", "sealane")
REGION = os.environ.get("REGION", "us-east-1")
REPLICA = os.environ.get("REPLICA", "eu-west-1")
ACCESS_KEY = os.environ.get("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
SECRET_KEY = os.environ.get("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
READY_MAX_S = 30  # a table that is being made, changed or removed must be done by then


def endpoint():
    """Of the first argument, else of the environment; taken out of sys.argv, the rest of which is unittest's."""
    if len(sys.argv) > 1 and re.match(r"https?://", sys.argv[1]):
        os.environ["ENDPOINT"] = sys.argv.pop(1)
    if "ENDPOINT" not in os.environ:
        sys.exit("usage: " + os.path.basename(sys.argv[0]) + " http://HOST:PORT [unittest arguments]")
    return os.environ["ENDPOINT"]


ENDPOINT = endpoint()
HOST = urllib.parse.urlsplit(ENDPOINT)


def connect(service="dynamodb", region=REGION, access_key=ACCESS_KEY, secret_key=SECRET_KEY):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name=region, aws_access_key_id=access_key,
                        aws_secret_access_key=secret_key,
                        # What is wrong must reach the server: neither checked nor tried again by the client.
                        config=botocore.config.Config(parameter_validation=False, retries={"max_attempts": 0},
                                                      read_timeout=20, connect_timeout=5))


client = connect()
streams = connect("dynamodbstreams")


class Answer:
    """What came back for one raw request."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json.get("__type", "").rpartition("#")[2]

    @property
    def message(self):
        return self.json.get("message", self.json.get("Message", ""))


def signed_headers(body, target, headers=(), access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION,
                   service="dynamodb", signer=botocore.auth.SigV4Auth, method="POST", path="/"):
    """The headers of a request that botocore's own signer has signed."""
    request = botocore.awsrequest.AWSRequest(
        method=method, url=ENDPOINT.rstrip("/") + path, data=body,
        headers={"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target, **dict(headers)})
    signer(botocore.credentials.Credentials(access_key, secret_key), service, region).add_auth(request)
    return {**dict(request.headers), "Host": HOST.netloc}


def connection(timeout=60):
    kind = http.client.HTTPSConnection if HOST.scheme == "https" else http.client.HTTPConnection
    return kind(HOST.hostname, HOST.port, timeout=timeout)


def send(body, headers, method="POST", path="/", timeout=60):
    with contextlib.closing(connection(timeout)) as http_connection:
        http_connection.request(method, path, body, headers)
        answer = http_connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


def raw(operation, parameters, region=REGION):
    """A signed request of any JSON: for parameters younger than Debian's botocore, and for what it would not send."""
    body = parameters if isinstance(parameters, bytes) else json.dumps(parameters).encode()
    return send(body, signed_headers(body, "DynamoDB_20120810." + operation, region=region))


# ---- values: Python's for reading, DynamoDB's on the wire ----

class Number(str):
    """A number in the very digits that are sent."""


def av(value):
    """Python -> AttributeValue."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, Number) or isinstance(value, (int, decimal.Decimal)):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, (bytes, bytearray)):
        return {"B": bytes(value)}
    if isinstance(value, dict):
        return {"M": {k: av(v) for k, v in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"L": [av(v) for v in value]}
    if isinstance(value, (set, frozenset)):
        one = next(iter(value))
        if isinstance(one, (Number, int)):
            return {"NS": sorted(str(v) for v in value)}
        return {"SS": sorted(value)} if isinstance(one, str) else {"BS": sorted(value)}
    raise TypeError(type(value))


def item(**attributes):
    return {name: av(value) for name, value in attributes.items()}


def values(**attributes):
    """ExpressionAttributeValues without the colons."""
    return {":" + name: av(value) for name, value in attributes.items()}


def plain(value):
    """AttributeValue -> Python."""
    (kind, inner), = value.items()
    if kind == "N":
        number = decimal.Decimal(inner)
        return int(number) if number == number.to_integral_value() and "." not in inner and "E" not in inner else number
    if kind == "NULL":
        return None
    if kind == "L":
        return [plain(v) for v in inner]
    if kind == "M":
        return {k: plain(v) for k, v in inner.items()}
    if kind == "NS":
        return {plain({"N": v}) for v in inner}
    if kind in ("SS", "BS"):
        return set(inner)
    return inner


def plain_item(attributes):
    return {name: plain(value) for name, value in (attributes or {}).items()}


# ---- tables ----

def key_schema(*names):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]


def definitions(**types):
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()]


def index(name, *keys, projection="ALL", include=None):
    shape = {"ProjectionType": projection}
    if include:
        shape["NonKeyAttributes"] = include
    return {"IndexName": name, "KeySchema": key_schema(*keys), "Projection": shape}


SCHEMAS = {
    "s": {"AttributeDefinitions": definitions(pk="S"), "KeySchema": key_schema("pk")},
    "n": {"AttributeDefinitions": definitions(pk="N"), "KeySchema": key_schema("pk")},
    "b": {"AttributeDefinitions": definitions(pk="B"), "KeySchema": key_schema("pk")},
    "ss": {"AttributeDefinitions": definitions(pk="S", sk="S"), "KeySchema": key_schema("pk", "sk")},
    "sn": {"AttributeDefinitions": definitions(pk="S", sk="N"), "KeySchema": key_schema("pk", "sk")},
    "sb": {"AttributeDefinitions": definitions(pk="S", sk="B"), "KeySchema": key_schema("pk", "sk")},
    "indexed": {
        "AttributeDefinitions": definitions(pk="S", sk="S", l="S", g="S", h="N"),
        "KeySchema": key_schema("pk", "sk"),
        "LocalSecondaryIndexes": [index("lsi_all", "pk", "l"), index("lsi_keys", "pk", "l", projection="KEYS_ONLY"),
                                  index("lsi_x", "pk", "l", projection="INCLUDE", include=["x"])],
        "GlobalSecondaryIndexes": [index("gsi_all", "g", "h"), index("gsi_keys", "g", projection="KEYS_ONLY"),
                                   index("gsi_x", "g", "h", projection="INCLUDE", include=["x"])],
    },
    "streamed": {"AttributeDefinitions": definitions(pk="S"), "KeySchema": key_schema("pk"),
                 "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}},
}


def wait_until(check, what, seconds=READY_MAX_S):
    """Until check() gives something; nothing tells the outside when a table is ready, so it is asked."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def description(name):
    return client.describe_table(TableName=name)["Table"]


def table_is_active(name):
    table = description(name)
    indexes = table.get("GlobalSecondaryIndexes", [])
    return table["TableStatus"] == "ACTIVE" and all(i["IndexStatus"] == "ACTIVE" for i in indexes)


def table_is_gone(name):
    try:
        description(name)
        return False
    except client.exceptions.ResourceNotFoundException:
        return True


def create(name, billing="PAY_PER_REQUEST", **schema):
    client.create_table(TableName=name, BillingMode=billing, **schema)
    wait_until(lambda: table_is_active(name), f"table {name}")
    return name


def drop(name):
    """Removes the table, also one that is not yet ready, or no longer there."""
    def gone():
        try:
            client.delete_table(TableName=name)
            return True
        except client.exceptions.ResourceInUseException:
            return False
        except (client.exceptions.ResourceNotFoundException, botocore.exceptions.HTTPClientError):
            return True
    wait_until(gone, f"{name} to be removed")


_shared = {}


def shared_table(schema):
    """One table of each schema for the whole run; its cases keep apart by their keys."""
    if schema not in _shared:
        _shared[schema] = create(fresh_name("sealane_" + schema), **SCHEMAS[schema])
    return _shared[schema]


def drop_shared_tables():
    while _shared:
        drop(_shared.popitem()[1])


def fresh_name(prefix="sealane"):
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


# ---- cases ----

def rows(*table):
    def mark(method):
        method.rows = table
        return method
    return mark


def _one_row(method, row):
    return lambda self: method(self, *row)


class Case(unittest.TestCase):
    maxDiff = 2000

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name, method in list(vars(cls).items()):
            table = getattr(method, "rows", None)
            if table is None:
                continue
            delattr(cls, name)
            for title, *row in table:
                test = f"{name}__{re.sub(r'[^A-Za-z0-9]+', '_', title).strip('_')}"
                assert not hasattr(cls, test), f"{cls.__name__}.{test} twice"
                setattr(cls, test, _one_row(method, row))
        if JUDGE == "sealane":
            return
        for name in [name for name in vars(cls) if name.startswith("test")]:
            if reason := reason_for(f"{cls.__name__}.{name}", differs.CRASHES):
                setattr(cls, name, unittest.skip(reason)(vars(cls)[name]))
            elif reason_for(f"{cls.__name__}.{name}", differs.DIFFERS):
                setattr(cls, name, unittest.expectedFailure(vars(cls)[name]))

    def setUp(self):
        self.pk = uuid.uuid4().hex

    @contextlib.contextmanager
    def refused(self, code, message=None):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            yield caught
        self.check_error(caught.exception.response["Error"]["Code"], caught.exception.response["Error"]["Message"],
                         code, message)

    def invalid(self, message=None):
        return self.refused("ValidationException", message)

    def check_error(self, code, said, expected_code, message):
        self.assertEqual(code, expected_code, said)
        if isinstance(message, re.Pattern):
            self.assertRegex(said, message)
        elif message is not None:
            self.assertEqual(said, message)

    def check_raw_error(self, answer, code, message=None):
        self.assertEqual(answer.status, 400, answer.body)
        self.check_error(answer.code, answer.message, code, message)

    # The few calls that nearly every case needs, on the shared table `schema`.
    schema = "s"

    @property
    def table(self):
        return shared_table(self.schema)

    def key(self, **more):
        return item(pk=self.pk, **more)

    def put(self, **attributes):
        client.put_item(TableName=self.table, Item=item(**{"pk": self.pk, **attributes}))

    def stored(self, **more):
        """The item as it is now, without its hash key; None when there is none."""
        found = client.get_item(TableName=self.table, Key=self.key(**more), ConsistentRead=True).get("Item")
        if found is None:
            return None
        found = plain_item(found)
        del found["pk"]
        return found


def reason_for(test, marks):
    return next((reason for pattern, reason in marks.items() if fnmatch.fnmatchcase(test, pattern)), None)


class _Result(unittest.TextTestResult):
    def addError(self, test, error):
        super().addError(test, error)
        if error[0] in (botocore.exceptions.EndpointConnectionError, ConnectionRefusedError):
            self.stream.writeln(f"\n{test.id()}: nobody listens at {ENDPOINT} any more")
            self.stop()

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.stream.writeln(f"\n{test.id()}: marked in differs.py, but dynalite does it: take the mark away")


def main(*modules):
    """Runs the cases and closes with a line that says how many."""
    loader = unittest.TestLoader()
    for name in modules:
        module = __import__(name, fromlist=["*"])
        for attribute in vars(module).values():
            if isinstance(attribute, type) and issubclass(attribute, Case) and attribute.__module__ == name:
                setattr(sys.modules["__main__"], attribute.__name__, attribute)
    try:
        program = unittest.main(module="__main__", exit=False, testLoader=loader,
                                testRunner=unittest.TextTestRunner(resultclass=_Result))
    finally:
        drop_shared_tables()
    result = program.result
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped) + len(result.expectedFailures)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
