# SPDX-License-Identifier: Apache-2.0
"""Global and local indexes: what they hold, in which order, and how they come and go."""
import re

from subject import (Case, client, create, definitions, description, drop, fresh_name, index, item, key_schema, plain_item, rows,
                     table_is_active, values, wait_until)


def ask(table, name, hash_name, value, **more):
    return client.query(TableName=table, IndexName=name, KeyConditionExpression="#hash = :hash",
                        ExpressionAttributeNames={"#hash": hash_name}, ExpressionAttributeValues=values(hash=value), **more)


class Indexes(Case):
    schema = "indexed"

    def fill(self):
        for number in range(6):
            self.put(sk=str(number), l=str(5 - number), g=self.pk, h=number % 3, x=number, y="rest")

    @rows(
        ("global all", "gsi_all", "g", {"pk", "sk", "l", "g", "h", "x", "y"}),
        ("global keys", "gsi_keys", "g", {"pk", "sk", "g"}),
        ("global some", "gsi_x", "g", {"pk", "sk", "g", "h", "x"}),
        ("local all", "lsi_all", "pk", {"pk", "sk", "l", "g", "h", "x", "y"}),
        ("local keys", "lsi_keys", "pk", {"pk", "sk", "l"}),
        ("local some", "lsi_x", "pk", {"pk", "sk", "l", "x"}),
    )
    def test_projection(self, name, hash_name, attributes):
        self.fill()
        found = ask(self.table, name, hash_name, self.pk)
        self.assertEqual(found["Count"], 6)
        for one in found["Items"]:
            self.assertEqual(set(one), attributes)

    @rows(("forward", True), ("backward", False))
    def test_order_of_a_local_index(self, forward):
        self.fill()
        found = ask(self.table, "lsi_all", "pk", self.pk, ScanIndexForward=forward)
        order = [one["l"]["S"] for one in found["Items"]]
        self.assertEqual(order, sorted(order, reverse=not forward))

    @rows(("forward", True), ("backward", False))
    def test_order_of_a_global_index(self, forward):
        self.fill()
        order = [one["h"]["N"] for one in ask(self.table, "gsi_all", "g", self.pk, ScanIndexForward=forward)["Items"]]
        self.assertEqual(order, sorted(order, reverse=not forward))

    @rows(("global", "gsi_all", "g"), ("global keys", "gsi_keys", "g"), ("local", "lsi_all", "pk"))
    def test_pages_of_equal_index_keys_lose_nothing(self, name, hash_name):
        for number in range(7):
            self.put(sk=str(number), l="same", g=self.pk, h=1)
        found, start = [], {}
        while True:
            page = ask(self.table, name, hash_name, self.pk, Limit=2, **start)
            found += [one["sk"]["S"] for one in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            self.assertLess({"pk", "sk"}, set(page["LastEvaluatedKey"]) | {""})
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        self.assertCountEqual(found, [str(number) for number in range(7)])

    def test_conditions_on_the_index_range(self):
        self.fill()
        for condition, given, count in (("h = :h", {"h": 1}, 2), ("h > :h", {"h": 0}, 4), ("h BETWEEN :h AND :i", {"h": 1, "i": 2}, 4)):
            found = client.query(TableName=self.table, IndexName="gsi_all", KeyConditionExpression="g = :g AND " + condition,
                                 ExpressionAttributeValues=values(g=self.pk, **given))
            self.assertEqual(found["Count"], count, condition)

    def test_they_follow_every_write(self):
        def count():
            return ask(self.table, "gsi_all", "g", self.pk)["Count"], ask(self.table, "lsi_all", "pk", self.pk)["Count"]

        key = self.key(sk="1")
        self.put(sk="1", g=self.pk, h=1, l="a")
        self.assertEqual(count(), (1, 1))
        self.put(sk="1", g=self.pk, h=2, l="b")
        self.assertEqual(count(), (1, 1))
        self.put(sk="1", g=self.pk + "x", h=2)
        self.assertEqual(count(), (0, 0))
        self.put(sk="1", g=self.pk)  # no range of the index
        self.assertEqual(count(), (0, 0))
        client.update_item(TableName=self.table, Key=key, UpdateExpression="SET h = :h, l = :l",
                           ExpressionAttributeValues=values(h=1, l="z"))
        self.assertEqual(count(), (1, 1))
        client.delete_item(TableName=self.table, Key=key)
        self.assertEqual(count(), (0, 0))

    def test_a_local_index_fetches_what_it_does_not_hold(self):
        self.fill()
        found = ask(self.table, "lsi_keys", "pk", self.pk, ProjectionExpression="y", Limit=1)
        self.assertEqual(plain_item(found["Items"][0]), {"y": "rest"})
        found = ask(self.table, "lsi_keys", "pk", self.pk, Select="ALL_ATTRIBUTES", Limit=1)
        self.assertEqual(set(found["Items"][0]), {"pk", "sk", "l", "g", "h", "x", "y"})

    def test_scan_of_an_index(self):
        self.fill()
        found = client.scan(TableName=self.table, IndexName="gsi_keys", FilterExpression="g = :g",
                            ExpressionAttributeValues=values(g=self.pk))
        self.assertEqual(found["Count"], 6)
        self.assertEqual(set(found["Items"][0]), {"pk", "sk", "g"})

    @rows(
        ("unknown index", {"IndexName": "nowhere"}, "The table does not have the specified index: nowhere"),
        ("consistent global", {"IndexName": "gsi_all", "ConsistentRead": True},
         "Consistent reads are not supported on global secondary indexes"),
        ("everything of a part", {"IndexName": "gsi_keys", "Select": "ALL_ATTRIBUTES"},
         "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index "
         "gsi_keys because its projection type is not ALL"),
    )
    def test_query_refused(self, more, message):
        with self.invalid(message):
            client.query(TableName=self.table, KeyConditionExpression="g = :g", ExpressionAttributeValues=values(g="x"), **more)

    @rows(("unknown index", {"IndexName": "nowhere"}, "The table does not have the specified index: nowhere"),
          ("consistent global", {"IndexName": "gsi_all", "ConsistentRead": True},
           "Consistent reads are not supported on global secondary indexes"))
    def test_scan_refused(self, more, message):
        with self.invalid(message):
            client.scan(TableName=self.table, **more)

    def test_what_a_global_index_does_not_hold_cannot_be_asked(self):
        with self.invalid(re.compile("One or more parameter values were invalid: Global secondary index gsi_keys does not project "
                                     r"\[y\]")):
            ask(self.table, "gsi_keys", "g", self.pk, ProjectionExpression="y")


class IndexesComeAndGo(Case):
    def test_a_new_index_holds_what_was_there(self):
        name = create(fresh_name(), AttributeDefinitions=definitions(pk="S"), KeySchema=key_schema("pk"))
        self.addCleanup(drop, name)
        for number in range(5):
            client.put_item(TableName=name, Item=item(pk=str(number), **({"g": "a", "h": number} if number != 2 else {})))
        answer = client.update_table(TableName=name, AttributeDefinitions=definitions(pk="S", g="S", h="N"),
                                     GlobalSecondaryIndexUpdates=[{"Create": index("late", "g", "h")}])["TableDescription"]
        self.assertIn(answer["TableStatus"], ("UPDATING", "ACTIVE"))
        self.assertIn([i["IndexStatus"] for i in answer["GlobalSecondaryIndexes"]], (["CREATING"], ["ACTIVE"]))
        wait_until(lambda: table_is_active(name), "the index")
        self.assertEqual([one["pk"]["S"] for one in ask(name, "late", "g", "a")["Items"]], ["0", "1", "3", "4"])
        client.put_item(TableName=name, Item=item(pk="9", g="a", h=9))
        self.assertEqual(ask(name, "late", "g", "a")["Count"], 5)

        client.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "late"}}])
        wait_until(lambda: not description(name).get("GlobalSecondaryIndexes") and table_is_active(name), "the index to go")
        with self.invalid("The table does not have the specified index: late"):
            ask(name, "late", "g", "a")

    @rows(
        ("same index twice", [{"Delete": {"IndexName": "one"}}] * 2, "ValidationException",
         "One or more parameter values were invalid: "
         "Only one global secondary index update per index is allowed simultaneously. Index: one"),
        ("unknown index", [{"Delete": {"IndexName": "nowhere"}}], "ResourceNotFoundException", None),
    )
    def test_refused(self, updates, code, message):
        with self.refused(code, message):
            client.update_table(TableName=self.table, AttributeDefinitions=definitions(pk="S"), GlobalSecondaryIndexUpdates=updates)

    def test_a_name_that_is_taken(self):
        name = create(fresh_name(), AttributeDefinitions=definitions(pk="S", g="S"), KeySchema=key_schema("pk"),
                      GlobalSecondaryIndexes=[index("one", "g")])
        self.addCleanup(drop, name)
        with self.invalid(re.compile("Attempting to create an index which already exists|already exists")):
            client.update_table(TableName=name, AttributeDefinitions=definitions(pk="S", g="S"),
                                GlobalSecondaryIndexUpdates=[{"Create": index("one", "g")}])
