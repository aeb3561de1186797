#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's AWS CLI with --endpoint-url: the commands of the tutorial, and those of every day.

    tests/state/aws_cli_test.py http://HOST:PORT [unittest arguments]

Environment: as for boto3_test.py.
"""
import json
import os
import subprocess
import sys
import tempfile

import subject
from subject import ACCESS_KEY, ENDPOINT, REGION, REPLICA, SECRET_KEY, Case, drop, fresh_name, wait_until

AWS = "/usr/bin/aws"  # Debian's; another one in the PATH is not what a user of Debian has
REFUSED = 254  # what the CLI returns when the server has refused


def run(*arguments, region=REGION, code=0):
    """What the command printed: parsed when it is JSON."""
    home = tempfile.gettempdir()  # nobody's own configuration
    done = subprocess.run(
        [AWS, "--endpoint-url", ENDPOINT, "--region", region, "--output", "json", "--no-cli-pager", *arguments],
        capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": home, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
             "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "LANG": "C.UTF-8"})
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    if code:
        return done.stderr.strip()
    return json.loads(done.stdout) if done.stdout.strip().startswith(("{", "[", '"')) else done.stdout.strip()


def dynamodb(*arguments, **how):
    return run("dynamodb", *arguments, **how)


class Tutorial(Case):
    """A table of agents' state in two regions, as the tutorial makes it."""

    def setUp(self):
        super().setUp()
        self.name = fresh_name("agent_state")
        self.addCleanup(drop, self.name)
        dynamodb("create-table", "--table-name", self.name,
                 "--attribute-definitions", "AttributeName=session_id,AttributeType=S", "AttributeName=turn,AttributeType=N",
                 "--key-schema", "AttributeName=session_id,KeyType=HASH", "AttributeName=turn,KeyType=RANGE",
                 "--billing-mode", "PAY_PER_REQUEST",
                 "--stream-specification", "StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES")
        wait_until(lambda: subject.table_is_active(self.name), "the table")

    def test_a_session_is_kept(self):
        item = {"session_id": {"S": "s-1"}, "turn": {"N": "1"}, "prompt": {"S": "Xin chào"}, "region": {"S": REGION}}
        self.assertEqual(dynamodb("put-item", "--table-name", self.name, "--item", json.dumps(item)), "")
        key = json.dumps({"session_id": {"S": "s-1"}, "turn": {"N": "1"}})
        self.assertEqual(dynamodb("get-item", "--table-name", self.name, "--key", key, "--consistent-read"), {"Item": item})
        described = dynamodb("describe-table", "--table-name", self.name)["Table"]
        self.assertEqual((described["TableName"], described["TableStatus"]), (self.name, "ACTIVE"))

    def test_replicas(self):
        dynamodb("update-table", "--table-name", self.name, "--replica-updates", json.dumps([{"Create": {"RegionName": REPLICA}}]))

        def there():
            table = dynamodb("describe-table", "--table-name", self.name)["Table"]
            return {"RegionName": REPLICA, "ReplicaStatus": "ACTIVE"} in [
                {name: one.get(name) for name in ("RegionName", "ReplicaStatus")} for one in table.get("Replicas", [])]
        wait_until(there, "the replica")
        raw = subject.raw("DescribeTable", {"TableName": self.name}).json["Table"]["Replicas"]
        self.assertTrue(all("SealaneLag" in one for one in raw), raw)
        shown = dynamodb("describe-table", "--table-name", self.name)["Table"]["Replicas"]
        self.assertTrue(all("SealaneLag" not in one for one in shown), shown)
        dynamodb("put-item", "--table-name", self.name, "--item", json.dumps({"session_id": {"S": "s-2"}, "turn": {"N": "1"}}))
        dynamodb("update-table", "--table-name", self.name, "--replica-updates", json.dumps([{"Delete": {"RegionName": REPLICA}}]))
        wait_until(lambda: not there(), "the replica to go")


class Everyday(Case):
    @classmethod
    def setUpClass(cls):
        cls.name = fresh_name("notes")
        cls.addClassCleanup(drop, cls.name)
        created = dynamodb(
            "create-table", "--table-name", cls.name, "--billing-mode", "PAY_PER_REQUEST",
            "--attribute-definitions", "AttributeName=pk,AttributeType=S", "AttributeName=sk,AttributeType=S",
            "AttributeName=kind,AttributeType=S", "--key-schema", "AttributeName=pk,KeyType=HASH", "AttributeName=sk,KeyType=RANGE",
            "--global-secondary-indexes",
            "IndexName=by_kind,KeySchema=[{AttributeName=kind,KeyType=HASH}],Projection={ProjectionType=ALL}")
        assert created["TableDescription"]["TableName"] == cls.name
        wait_until(lambda: subject.table_is_active(cls.name), "the table")

    def on(self, command, *arguments, **how):
        return dynamodb(command, "--table-name", self.name, *arguments, **how)

    def put_one(self, sk, **attributes):
        self.on("put-item", "--item", json.dumps(subject.item(pk=self.pk, sk=sk, **attributes)))

    def test_put_update_delete(self):
        self.put_one("1", n=1)
        key = json.dumps(subject.item(pk=self.pk, sk="1"))
        updated = self.on("update-item", "--key", key, "--update-expression", "SET n = n + :one, tags = :tags", "--return-values",
                          "ALL_NEW", "--expression-attribute-values", '{":one": {"N": "1"}, ":tags": {"SS": ["a", "b"]}}')
        self.assertEqual(subject.plain_item(updated["Attributes"]), {"pk": self.pk, "sk": "1", "n": 2, "tags": {"a", "b"}})
        said = self.on("update-item", "--key", key, "--update-expression", "SET n = :one", "--condition-expression", "n = :one",
                       "--expression-attribute-values", '{":one": {"N": "1"}}', code=REFUSED)
        self.assertRegex(said, r"\(ConditionalCheckFailedException\) when calling the UpdateItem operation.*: The conditional request failed$")
        deleted = self.on("delete-item", "--key", key, "--return-values", "ALL_OLD")
        self.assertEqual(deleted["Attributes"]["n"], {"N": "2"})
        self.assertEqual(self.on("get-item", "--key", key), "")

    def test_query_and_scan_page_by_themselves(self):
        for number in range(5):
            self.put_one(str(number), kind=self.pk + "even" if number % 2 == 0 else self.pk + "odd")
        given = json.dumps(subject.values(pk=self.pk))
        found = self.on("query", "--key-condition-expression", "pk = :pk", "--expression-attribute-values", given, "--page-size", "2",
                        "--no-scan-index-forward")
        self.assertEqual([one["sk"]["S"] for one in found["Items"]], ["4", "3", "2", "1", "0"])
        first = self.on("query", "--key-condition-expression", "pk = :pk", "--expression-attribute-values", given, "--max-items", "3")
        rest = self.on("query", "--key-condition-expression", "pk = :pk", "--expression-attribute-values", given,
                       "--starting-token", first["NextToken"])
        self.assertEqual([one["sk"]["S"] for page in (first, rest) for one in page["Items"]], list("01234"))
        even = self.on("query", "--index-name", "by_kind", "--key-condition-expression", "kind = :k", "--select", "COUNT",
                       "--expression-attribute-values", json.dumps(subject.values(k=self.pk + "even")))
        self.assertEqual(even["Count"], 3)
        scanned = self.on("scan", "--filter-expression", "pk = :pk", "--expression-attribute-values", given, "--page-size", "3")
        self.assertEqual(len(scanned["Items"]), 5)

    def test_batches(self):
        requests = {self.name: [{"PutRequest": {"Item": subject.item(pk=self.pk, sk=str(n))}} for n in range(3)]}
        self.assertEqual(dynamodb("batch-write-item", "--request-items", json.dumps(requests)), {"UnprocessedItems": {}})
        keys = {self.name: {"Keys": [subject.item(pk=self.pk, sk=str(n)) for n in range(4)]}}
        found = dynamodb("batch-get-item", "--request-items", json.dumps(keys))
        self.assertEqual(len(found["Responses"][self.name]), 3)

    def test_transactions(self):
        put = {"Put": {"TableName": self.name, "Item": subject.item(pk=self.pk, sk="1"),
                       "ConditionExpression": "attribute_not_exists(pk)"}}
        dynamodb("transact-write-items", "--transact-items", json.dumps([put]))
        said = dynamodb("transact-write-items", "--transact-items", json.dumps([put]), code=REFUSED)
        self.assertIn("Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed]", said)
        found = dynamodb("transact-get-items", "--transact-items", json.dumps(
            [{"Get": {"TableName": self.name, "Key": subject.item(pk=self.pk, sk="1")}}]))
        self.assertEqual(found["Responses"], [{"Item": subject.item(pk=self.pk, sk="1")}])

    def test_time_to_live(self):
        self.on("update-time-to-live", "--time-to-live-specification", "Enabled=true,AttributeName=expires")
        wait_until(lambda: self.on("describe-time-to-live")["TimeToLiveDescription"] == {
            "TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}, "time to live")

    def test_tags(self):
        arn = self.on("describe-table")["Table"]["TableArn"]
        dynamodb("tag-resource", "--resource-arn", arn, "--tags", "Key=owner,Value=agents")
        self.assertEqual(dynamodb("list-tags-of-resource", "--resource-arn", arn), {"Tags": [{"Key": "owner", "Value": "agents"}]})

    def test_account(self):
        self.assertIn("AccountMaxReadCapacityUnits", dynamodb("describe-limits"))
        self.assertIn("Endpoints", dynamodb("describe-endpoints"))

    def test_list_and_wait(self):
        self.assertIn(self.name, dynamodb("list-tables")["TableNames"])
        self.assertEqual(dynamodb("list-tables", "--query", f"TableNames[?@=='{self.name}']"), [self.name])
        dynamodb("wait", "table-exists", "--table-name", self.name)

    def test_what_is_not_there(self):
        said = dynamodb("describe-table", "--table-name", "sealane_nowhere", code=REFUSED)
        self.assertRegex(said, r"\(ResourceNotFoundException\) when calling the DescribeTable operation.*: "
                         "Requested resource not found: Table: sealane_nowhere not found$")


if not os.access(AWS, os.X_OK):
    print(f"SKIPPED: {AWS} is not installed (apt-get install awscli)", file=sys.stderr)
    sys.exit(77)
subject.main("__main__")
