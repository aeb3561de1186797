# SPDX-License-Identifier: Apache-2.0
"""What clients and Terraform ask for around the items: time to live, tags, endpoints, limits, backups."""
import re
import time

from subject import HOST, Case, client, create, definitions, description, drop, fresh_name, item, key_schema, rows, wait_until

S = {"AttributeDefinitions": definitions(pk="S"), "KeySchema": key_schema("pk")}


class OwnTable(Case):
    """A table for each case; the cases are in the classes below."""

    @property
    def table(self):
        if not hasattr(self, "_own"):
            self._own = create(fresh_name(), **S)
            self.addCleanup(drop, self._own)
        return self._own


class TimeToLive(OwnTable):
    def set(self, enabled, attribute="expires"):
        return client.update_time_to_live(TableName=self.table, TimeToLiveSpecification={
            "Enabled": enabled, "AttributeName": attribute})["TimeToLiveSpecification"]

    def status(self):
        return client.describe_time_to_live(TableName=self.table)["TimeToLiveDescription"]

    def test_it_is_off_at_first(self):
        self.assertEqual(self.status(), {"TimeToLiveStatus": "DISABLED"})

    def test_on(self):
        self.assertEqual(self.set(True), {"Enabled": True, "AttributeName": "expires"})
        wait_until(lambda: self.status()["TimeToLiveStatus"] == "ENABLED", "time to live")
        self.assertEqual(self.status(), {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"})

    def test_twice(self):
        self.set(True)
        wait_until(lambda: self.status()["TimeToLiveStatus"] == "ENABLED", "time to live")
        with self.invalid("TimeToLive is already enabled"):
            self.set(True)

    def test_off_when_it_is_off(self):
        with self.invalid("TimeToLive is already disabled"):
            self.set(False)

    @rows(("empty", ""), ("long", "x" * 256))
    def test_attribute_refused(self, attribute):
        with self.invalid(re.compile("at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: "
                                     "Member must have length")):
            self.set(True, attribute)

    @rows(("describe", lambda: client.describe_time_to_live(TableName="sealane_nowhere")),
          ("update", lambda: client.update_time_to_live(TableName="sealane_nowhere", TimeToLiveSpecification={
              "Enabled": True, "AttributeName": "expires"})))
    def test_no_table(self, call):
        with self.refused("ResourceNotFoundException", re.compile("^Requested resource not found: Table: sealane_nowhere not found")):
            call()

    def test_what_has_expired_goes_and_the_rest_stays(self):
        now = int(time.time())
        for name, value in (("gone", now - 60), ("later", now + 3600), ("word", str(now - 60)), ("old", now - 6 * 365 * 86400),
                            ("none", None)):
            client.put_item(TableName=self.table, Item=item(pk=name, expires=value))
        self.set(True)
        wait_until(lambda: "Item" not in client.get_item(TableName=self.table, Key=item(pk="gone")), "the item to expire")
        # More than five years ago is taken for a mistake; a word is no time.
        self.assertEqual({one["pk"]["S"] for one in client.scan(TableName=self.table)["Items"]}, {"later", "word", "old", "none"})


class Tags(OwnTable):
    def arn(self):
        return description(self.table)["TableArn"]

    def tags(self):
        listed = wait_until(lambda: client.list_tags_of_resource(ResourceArn=self.arn()), "tags")
        return {one["Key"]: one["Value"] for one in listed["Tags"]}

    def test_they_come_and_go(self):
        self.assertEqual(self.tags(), {})
        client.tag_resource(ResourceArn=self.arn(), Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
        self.assertEqual(self.tags(), {"a": "1", "b": ""})
        client.tag_resource(ResourceArn=self.arn(), Tags=[{"Key": "a", "Value": "2"}])
        client.untag_resource(ResourceArn=self.arn(), TagKeys=["b", "q"])
        self.assertEqual(self.tags(), {"a": "2"})

    def test_with_the_table(self):
        name = fresh_name()
        self.addCleanup(drop, name)
        client.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", Tags=[{"Key": "a", "Value": "1"}], **S)
        wait_until(lambda: description(name)["TableStatus"] == "ACTIVE", name)
        self.assertEqual(client.list_tags_of_resource(ResourceArn=description(name)["TableArn"])["Tags"], [{"Key": "a", "Value": "1"}])

    def test_no_table(self):
        with self.refused("ResourceNotFoundException"):
            client.list_tags_of_resource(ResourceArn=self.arn().replace(self.table, "sealane_nowhere"))

    def test_no_arn(self):
        with self.assertRaises(client.exceptions.ClientError):
            client.list_tags_of_resource(ResourceArn="x")


class Surroundings(OwnTable):
    def test_describe_endpoints(self):
        (endpoint,) = client.describe_endpoints()["Endpoints"]
        self.assertGreater(endpoint["CachePeriodInMinutes"], 0)
        self.assertIn(HOST.port and str(HOST.port) or HOST.hostname, endpoint["Address"])

    def test_describe_limits(self):
        limits = client.describe_limits()
        for name in ("AccountMaxReadCapacityUnits", "AccountMaxWriteCapacityUnits", "TableMaxReadCapacityUnits",
                     "TableMaxWriteCapacityUnits"):
            self.assertGreaterEqual(limits[name], 1000, name)

    def test_describe_continuous_backups(self):
        found = client.describe_continuous_backups(TableName=self.table)["ContinuousBackupsDescription"]
        self.assertEqual((found["ContinuousBackupsStatus"], found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]),
                         ("ENABLED", "DISABLED"))
        with self.refused("TableNotFoundException", re.compile("^Table not found: sealane_nowhere")):
            client.describe_continuous_backups(TableName="sealane_nowhere")
