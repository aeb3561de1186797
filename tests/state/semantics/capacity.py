# SPDX-License-Identifier: Apache-2.0
"""ConsumedCapacity: reads by 4 KiB, halved when they need not be consistent; writes by 1 KiB of the larger item."""
from subject import Case, client, rows, shared_table, values

KIB = 1024


class Capacity(Case):
    def body(self, size):
        """An attribute that makes the item of this case exactly `size` bytes."""
        return "x" * (size - len("pk") - len(self.pk) - len("body"))

    def units(self, answer):
        return answer["ConsumedCapacity"]["CapacityUnits"]

    @rows(*((f"{size} {'consistent' if consistent else 'eventual'}", size, consistent, units) for size, consistent, units in (
        (100, False, 0.5), (100, True, 1), (4 * KIB, True, 1), (4 * KIB + 1, True, 2), (4 * KIB + 1, False, 1), (12 * KIB, True, 3),
        (12 * KIB + 1, False, 2))))
    def test_get(self, size, consistent, units):
        self.put(body=self.body(size))
        for more in ({}, {"ProjectionExpression": "pk"}):
            answer = client.get_item(TableName=self.table, Key=self.key(), ConsistentRead=consistent,
                                     ReturnConsumedCapacity="TOTAL", **more)
            self.assertEqual(answer["ConsumedCapacity"], {"TableName": self.table, "CapacityUnits": units})

    def test_get_of_nothing(self):
        for consistent, units in ((False, 0.5), (True, 1)):
            self.assertEqual(self.units(client.get_item(TableName=self.table, Key=self.key(), ConsistentRead=consistent,
                                                        ReturnConsumedCapacity="TOTAL")), units)

    @rows(("100", 100, 1), ("1 KiB", KIB, 1), ("1 KiB and 1", KIB + 1, 2), ("5 KiB", 5 * KIB, 5))
    def test_put(self, size, units):
        self.assertEqual(self.units(client.put_item(TableName=self.table, Item=self.key(body=self.body(size)),
                                                    ReturnConsumedCapacity="TOTAL")), units)

    @rows(("put", client.put_item, "Item", {}, 3), ("delete", client.delete_item, "Key", {}, 3),
          ("update", client.update_item, "Key", {"UpdateExpression": "REMOVE body"}, 3))
    def test_the_larger_of_old_and_new_counts(self, operation, parameter, more, units):
        self.put(body=self.body(3 * KIB))
        self.assertEqual(self.units(operation(**{"TableName": self.table, parameter: self.key(), "ReturnConsumedCapacity": "TOTAL",
                                                 **more})), units)

    @rows(("delete", client.delete_item), ("update", client.update_item))
    def test_of_nothing(self, operation):
        self.assertEqual(self.units(operation(TableName=self.table, Key=self.key(), ReturnConsumedCapacity="TOTAL")), 1)

    def test_query_adds_before_it_rounds(self):
        table = shared_table("ss")
        for number in range(5):
            client.put_item(TableName=table, Item=self.key(sk=str(number), body="x" * 2000))
        for consistent, units in ((True, 3), (False, 1.5)):
            answer = client.query(TableName=table, KeyConditionExpression="pk = :pk", ConsistentRead=consistent,
                                  ExpressionAttributeValues=values(pk=self.pk), ReturnConsumedCapacity="TOTAL")
            self.assertEqual(self.units(answer), units)

    def test_a_failed_condition_and_no_wish(self):
        self.assertNotIn("ConsumedCapacity", client.put_item(TableName=self.table, Item=self.key()))
        self.assertNotIn("ConsumedCapacity", client.put_item(TableName=self.table, Item=self.key(), ReturnConsumedCapacity="NONE"))

    def test_of_indexes(self):
        table = shared_table("indexed")
        answer = client.put_item(TableName=table, Item=self.key(sk="1", l="a", g="b", h=1), ReturnConsumedCapacity="INDEXES")
        consumed = answer["ConsumedCapacity"]
        self.assertEqual(consumed["Table"], {"CapacityUnits": 1})
        one = {"CapacityUnits": 1}
        self.assertEqual(consumed["GlobalSecondaryIndexes"], {name: one for name in ("gsi_all", "gsi_keys", "gsi_x")})
        self.assertEqual(consumed["LocalSecondaryIndexes"], {name: one for name in ("lsi_all", "lsi_keys", "lsi_x")})
        self.assertEqual(consumed["CapacityUnits"], 7)

    def test_of_a_query_of_an_index(self):
        table = shared_table("indexed")
        client.put_item(TableName=table, Item=self.key(sk="1", g=self.pk, h=1))
        answer = client.query(TableName=table, IndexName="gsi_all", KeyConditionExpression="g = :g",
                              ExpressionAttributeValues=values(g=self.pk), ReturnConsumedCapacity="INDEXES")
        self.assertEqual(answer["ConsumedCapacity"], {"TableName": table, "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0},
                                                      "GlobalSecondaryIndexes": {"gsi_all": {"CapacityUnits": 0.5}}})

    def test_of_batches(self):
        answer = client.batch_write_item(RequestItems={self.table: [{"PutRequest": {"Item": self.key(body=self.body(2 * KIB))}}]},
                                         ReturnConsumedCapacity="TOTAL")
        self.assertEqual(answer["ConsumedCapacity"], [{"TableName": self.table, "CapacityUnits": 2}])
        answer = client.batch_get_item(RequestItems={self.table: {"Keys": [self.key()]}}, ReturnConsumedCapacity="TOTAL")
        self.assertEqual(answer["ConsumedCapacity"], [{"TableName": self.table, "CapacityUnits": 0.5}])

    def test_an_unknown_wish(self):
        with self.invalid("1 validation error detected: Value 'ALL' at 'returnConsumedCapacity' failed to satisfy constraint: "
                          "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"):
            client.get_item(TableName=self.table, Key=self.key(), ReturnConsumedCapacity="ALL")

    def test_item_collection_metrics(self):
        table = shared_table("indexed")
        answer = client.put_item(TableName=table, Item=self.key(sk="1", l="a"), ReturnItemCollectionMetrics="SIZE")
        self.assertEqual(answer["ItemCollectionMetrics"]["ItemCollectionKey"], self.key())
        low, high = answer["ItemCollectionMetrics"]["SizeEstimateRangeGB"]
        self.assertLess(low, high)
