# SPDX-License-Identifier: Apache-2.0
"""BatchGetItem and BatchWriteItem."""
import re

from subject import Case, client, item, plain_item, rows, shared_table, values

READ_MAX, WRITE_MAX = 100, 25
TWICE = "Provided list of item keys contains duplicates"


def put_of(**attributes):
    return {"PutRequest": {"Item": item(**attributes)}}


def delete_of(**key):
    return {"DeleteRequest": {"Key": item(**key)}}


class BatchWrite(Case):
    def test_puts_and_deletes_of_two_tables(self):
        other = shared_table("ss")
        self.put(old=1)
        answer = client.batch_write_item(RequestItems={
            self.table: [delete_of(pk=self.pk), put_of(pk=self.pk + "2", v=2)], other: [put_of(pk=self.pk, sk="1", v=3)]})
        self.assertEqual(answer["UnprocessedItems"], {})
        self.assertIsNone(self.stored())
        self.assertEqual(client.get_item(TableName=self.table, Key=item(pk=self.pk + "2"))["Item"]["v"], {"N": "2"})
        self.assertEqual(client.get_item(TableName=other, Key=item(pk=self.pk, sk="1"))["Item"]["v"], {"N": "3"})

    def test_25_at_once(self):
        client.batch_write_item(RequestItems={self.table: [put_of(pk=f"{self.pk}{n}") for n in range(WRITE_MAX)]})
        found = client.batch_get_item(RequestItems={self.table: {"Keys": [item(pk=f"{self.pk}{n}") for n in range(WRITE_MAX)]}})
        self.assertEqual(len(found["Responses"][self.table]), WRITE_MAX)

    def test_26_are_too_many(self):
        with self.invalid(re.compile("Member must have length less than or equal to 25|Too many items requested for the "
                                     "BatchWriteItem call")):
            client.batch_write_item(RequestItems={self.table: [put_of(pk=f"{self.pk}{n}") for n in range(WRITE_MAX + 1)]})

    def test_26_of_two_tables_are_too_many(self):
        with self.invalid(re.compile("Too many items requested for the BatchWriteItem call|less than or equal to 25")):
            client.batch_write_item(RequestItems={
                self.table: [put_of(pk=f"{self.pk}{n}") for n in range(20)],
                shared_table("ss"): [put_of(pk=self.pk, sk=str(n)) for n in range(6)]})

    @rows(("two puts", lambda pk: [put_of(pk=pk), put_of(pk=pk, v=1)]), ("two deletes", lambda pk: [delete_of(pk=pk)] * 2),
          ("put and delete", lambda pk: [put_of(pk=pk), delete_of(pk=pk)]))
    def test_one_item_twice(self, requests):
        with self.invalid(TWICE):
            client.batch_write_item(RequestItems={self.table: requests(self.pk)})

    @rows(
        ("no key", [put_of(v=1)], "The provided key element does not match the schema"),
        ("key of another type", [put_of(pk=1)], "The provided key element does not match the schema"),
        ("delete by another key", [delete_of(id="1")], "The provided key element does not match the schema"),
        ("wrong value", [{"PutRequest": {"Item": {"pk": {"S": "a"}, "n": {"N": "x"}}}}],
         "The parameter cannot be converted to a numeric value: x"),
        ("neither", [{}], re.compile("")),
        ("no request", [], re.compile("")),
    )
    def test_refused_as_a_whole(self, requests, message):
        with self.invalid(message):
            client.batch_write_item(RequestItems={self.table: [put_of(pk=self.pk), *requests] if requests else []})
        self.assertIsNone(self.stored())

    def test_nothing(self):
        with self.invalid(re.compile("at 'requestItems' failed to satisfy constraint: "
                                     "Member must have length greater than or equal to 1")):
            client.batch_write_item(RequestItems={})

    def test_no_table(self):
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            client.batch_write_item(RequestItems={"sealane_nowhere": [put_of(pk="a")]})

    def test_a_sixteenth_mebibyte_goes_through(self):
        body = "x" * 390_000
        client.batch_write_item(RequestItems={self.table: [put_of(pk=f"{self.pk}{n}", body=body) for n in range(25)]})
        self.assertEqual(len(client.get_item(TableName=self.table, Key=item(pk=self.pk + "24"))["Item"]["body"]["S"]), len(body))


class BatchGet(Case):
    def fill(self, count, **more):
        keys = [item(pk=f"{self.pk}{n}") for n in range(count)]
        for start in range(0, count, WRITE_MAX):
            client.batch_write_item(RequestItems={self.table: [
                {"PutRequest": {"Item": {**key, **item(**more)}}} for key in keys[start:start + WRITE_MAX]]})
        return keys

    def test_100_at_once(self):
        keys = self.fill(READ_MAX)
        answer = client.batch_get_item(RequestItems={self.table: {"Keys": keys}})
        self.assertCountEqual(answer["Responses"][self.table], keys)
        self.assertEqual(answer["UnprocessedKeys"], {})

    def test_101_are_too_many(self):
        with self.invalid(re.compile("less than or equal to 100|Too many items requested for the BatchGetItem call")):
            client.batch_get_item(RequestItems={self.table: {"Keys": [item(pk=f"{n}") for n in range(READ_MAX + 1)]}})

    def test_what_is_not_there_is_left_away(self):
        keys = self.fill(2)
        answer = client.batch_get_item(RequestItems={self.table: {"Keys": [*keys, item(pk=self.pk + "x")], "ConsistentRead": True}})
        self.assertCountEqual(answer["Responses"][self.table], keys)

    def test_a_table_of_which_nothing_is_there(self):
        answer = client.batch_get_item(RequestItems={self.table: {"Keys": [item(pk=self.pk)]}})
        self.assertEqual(answer["Responses"], {self.table: []})

    def test_two_tables_with_projections(self):
        self.put(a=1, b=2)
        client.put_item(TableName=shared_table("ss"), Item=item(pk=self.pk, sk="1", a=3, b=4))
        answer = client.batch_get_item(RequestItems={
            self.table: {"Keys": [self.key()], "ProjectionExpression": "a"},
            shared_table("ss"): {"Keys": [self.key(sk="1")], "ProjectionExpression": "#x", "ExpressionAttributeNames": {"#x": "b"}}})
        self.assertEqual({name: [plain_item(one) for one in found] for name, found in answer["Responses"].items()},
                         {self.table: [{"a": 1}], shared_table("ss"): [{"b": 4}]})

    def test_sixteen_mebibytes_are_the_end_of_an_answer(self):
        keys = self.fill(50, body="x" * 390_000)
        found, asked, rounds = [], keys, 0
        while asked:
            answer = client.batch_get_item(RequestItems={self.table: {"Keys": asked, "ProjectionExpression": "pk, body"}})
            got = answer["Responses"][self.table]
            self.assertGreater(len(got), 0)
            found += [{"pk": one["pk"]} for one in got]
            asked = answer["UnprocessedKeys"].get(self.table, {}).get("Keys", [])
            rounds += 1
        self.assertEqual(rounds, 2)
        self.assertCountEqual(found, keys)

    @rows(
        ("one key twice", {"Keys": [item(pk="a"), item(pk="b"), item(pk="a")]}, TWICE),
        ("another key", {"Keys": [item(id="a")]}, "The provided key element does not match the schema"),
        ("another type", {"Keys": [item(pk=1)]}, "The provided key element does not match the schema"),
        ("no keys", {"Keys": []}, re.compile("Member must have length greater than or equal to 1")),
        ("reserved", {"Keys": [item(pk="a")], "ProjectionExpression": "name"},
         "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name"),
        ("old and new", {"Keys": [item(pk="a")], "ProjectionExpression": "a", "AttributesToGet": ["a"]},
         "Can not use both expression and non-expression parameters in the same request: "
         "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"),
    )
    def test_refused(self, request, message):
        with self.invalid(message):
            client.batch_get_item(RequestItems={self.table: request})

    def test_nothing(self):
        with self.invalid(re.compile("at 'requestItems' failed to satisfy constraint: "
                                     "Member must have length greater than or equal to 1")):
            client.batch_get_item(RequestItems={})

    def test_no_table(self):
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            client.batch_get_item(RequestItems={"sealane_nowhere": {"Keys": [item(pk="a")]}})


class BatchOfSortKeys(Case):
    schema = "ss"

    def test_the_resource_writes_many(self):
        requests = [put_of(pk=self.pk, sk=f"{n:03}", n=n) for n in range(60)]
        for start in range(0, 60, WRITE_MAX):
            client.batch_write_item(RequestItems={self.table: requests[start:start + WRITE_MAX]})
        found = client.query(TableName=self.table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values(pk=self.pk))
        self.assertEqual([one["n"]["N"] for one in found["Items"]], [str(n) for n in range(60)])
