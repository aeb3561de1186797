# SPDX-License-Identifier: Apache-2.0
"""Streams: each write of an item, in its order, with the images asked for."""
import re

from subject import SCHEMAS, Case, client, create, description, drop, fresh_name, item, plain_item, rows, streams, values, wait_until


class Streams(Case):
    schema = "streamed"

    def arn(self):
        return description(self.table)["LatestStreamArn"]

    def shards(self, arn):
        found, start = [], {}
        while True:
            page = streams.describe_stream(StreamArn=arn, **start)["StreamDescription"]
            found += page["Shards"]
            if "LastEvaluatedShardId" not in page:
                return found
            start = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}

    def records(self, arn=None, pk=None, kind="TRIM_HORIZON"):
        """All that the stream has of one item by now."""
        arn, pk, found = arn or self.arn(), pk or self.pk, []
        for shard in self.shards(arn):
            iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType=kind)["ShardIterator"]
            while iterator:
                page = streams.get_records(ShardIterator=iterator)
                found += page["Records"]
                iterator = page.get("NextShardIterator") if page["Records"] else None
        return [one for one in found if one["dynamodb"]["Keys"]["pk"]["S"] == pk]

    def of_this_case(self, count):
        return wait_until(lambda: (lambda found: found if len(found) >= count else None)(self.records()), f"{count} records")

    def test_the_table_tells_of_its_stream(self):
        table = description(self.table)
        self.assertEqual(table["StreamSpecification"], {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
        self.assertEqual(table["LatestStreamArn"], f"{table['TableArn']}/stream/{table['LatestStreamLabel']}")
        self.assertRegex(table["LatestStreamLabel"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$")

    def test_list_and_describe(self):
        listed = streams.list_streams(TableName=self.table)["Streams"]
        self.assertEqual([(one["TableName"], one["StreamArn"]) for one in listed], [(self.table, self.arn())])
        found = streams.describe_stream(StreamArn=self.arn())["StreamDescription"]
        self.assertEqual((found["StreamStatus"], found["StreamViewType"], found["TableName"], found["KeySchema"]),
                         ("ENABLED", "NEW_AND_OLD_IMAGES", self.table, SCHEMAS["streamed"]["KeySchema"]))
        self.assertGreaterEqual(len(found["Shards"]), 1)

    def test_insert_modify_remove(self):
        self.put(v=1)
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET v = :v", ExpressionAttributeValues=values(v=2))
        client.delete_item(TableName=self.table, Key=self.key())
        found = self.of_this_case(3)
        one, two = {"pk": self.pk, "v": 1}, {"pk": self.pk, "v": 2}
        self.assertEqual([(record["eventName"], plain_item(record["dynamodb"].get("OldImage")),
                           plain_item(record["dynamodb"].get("NewImage"))) for record in found],
                         [("INSERT", {}, one), ("MODIFY", one, two), ("REMOVE", two, {})])
        numbers = [record["dynamodb"]["SequenceNumber"] for record in found]
        self.assertEqual([int(number) for number in numbers], sorted({int(number) for number in numbers}))
        for record in found:
            self.assertEqual((record["eventSource"], record["eventVersion"], record["awsRegion"] != ""), ("aws:dynamodb", "1.1", True))
            self.assertEqual(record["dynamodb"]["Keys"], self.key())
            self.assertEqual(record["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES")
            self.assertGreater(record["dynamodb"]["SizeBytes"], 0)
            self.assertIn("ApproximateCreationDateTime", record["dynamodb"])
        self.assertEqual(len({record["eventID"] for record in found}), 3)

    def test_what_changes_nothing_is_not_told(self):
        self.put(v=1)
        self.put(v=1)
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET v = :v", ExpressionAttributeValues=values(v=1))
        client.delete_item(TableName=self.table, Key=item(pk=self.pk + "x"))
        self.put(v=2)
        self.assertEqual([record["eventName"] for record in self.of_this_case(2)], ["INSERT", "MODIFY"])

    def test_batches_and_transactions_are_told(self):
        client.batch_write_item(RequestItems={self.table: [{"PutRequest": {"Item": self.key(v=1)}}]})
        client.transact_write_items(TransactItems=[{"Put": {"TableName": self.table, "Item": self.key(v=2)}}])
        self.assertEqual([record["eventName"] for record in self.of_this_case(2)], ["INSERT", "MODIFY"])

    def test_after_a_sequence_number(self):
        self.put(v=1)
        self.put(v=2)
        self.of_this_case(2)
        for shard in self.shards(self.arn()):
            start = streams.get_shard_iterator(StreamArn=self.arn(), ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
            mine = [one for one in streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
                    if one["dynamodb"]["Keys"] == self.key()]
            for kind, expected in (("AT_SEQUENCE_NUMBER", mine), ("AFTER_SEQUENCE_NUMBER", mine[1:])):
                if not mine:
                    continue
                again = streams.get_shard_iterator(StreamArn=self.arn(), ShardId=shard["ShardId"], ShardIteratorType=kind,
                                                   SequenceNumber=mine[0]["dynamodb"]["SequenceNumber"])["ShardIterator"]
                found = [one["eventID"] for one in streams.get_records(ShardIterator=again)["Records"]
                         if one["dynamodb"]["Keys"] == self.key()]
                self.assertEqual(found, [one["eventID"] for one in expected])

    def test_latest_has_only_what_comes(self):
        self.put(v=1)
        self.of_this_case(1)
        arn = self.arn()
        iterators = [streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")["ShardIterator"]
                     for shard in self.shards(arn) if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        self.put(v=2)

        def come():
            found = []
            for place, iterator in enumerate(iterators):
                page = streams.get_records(ShardIterator=iterator)
                found += [one for one in page["Records"] if one["dynamodb"]["Keys"] == self.key()]
                iterators[place] = page["NextShardIterator"]
            return found
        self.assertEqual([plain_item(one["dynamodb"]["NewImage"])["v"] for one in wait_until(come, "the record")], [2])

    @rows(("KEYS_ONLY", set()), ("NEW_IMAGE", {"NewImage"}), ("OLD_IMAGE", {"OldImage"}))
    def test_other_views(self, images):
        view = self.id().rpartition("__")[2]
        name = create(fresh_name(), **{**SCHEMAS["streamed"], "StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}})
        self.addCleanup(drop, name)
        for v in (1, 2):
            client.put_item(TableName=name, Item=self.key(v=v))
        arn = description(name)["LatestStreamArn"]
        found = wait_until(lambda: (lambda records: records if len(records) == 2 else None)(self.records(arn)), "two records")
        self.assertEqual(set(found[1]["dynamodb"]) & {"NewImage", "OldImage"}, images)

    @rows(("no stream", {"ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "LATEST"}, None),
          ("unknown kind", {"ShardId": "shardId-00000000000000000000-00000000", "ShardIteratorType": "FIRST"}, re.compile(
              "Value 'FIRST' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: ")))
    def test_refused(self, more, message):
        arn = self.arn() if message else self.arn().replace(self.table, "sealane_nowhere")
        with self.refused("ValidationException" if message else "ResourceNotFoundException", message):
            streams.get_shard_iterator(StreamArn=arn, **more)

    def test_a_stream_can_be_switched_on_and_off(self):
        name = create(fresh_name(), **{key: SCHEMAS["streamed"][key] for key in ("KeySchema", "AttributeDefinitions")})
        self.addCleanup(drop, name)
        self.assertNotIn("LatestStreamArn", description(name))
        client.update_table(TableName=name, StreamSpecification=SCHEMAS["streamed"]["StreamSpecification"])
        wait_until(lambda: description(name)["TableStatus"] == "ACTIVE", "the table")
        self.assertIn("LatestStreamArn", description(name))
        client.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
        wait_until(lambda: description(name)["TableStatus"] == "ACTIVE", "the table")
        self.assertFalse(description(name).get("StreamSpecification", {}).get("StreamEnabled", False))
