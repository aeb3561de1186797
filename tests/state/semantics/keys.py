# SPDX-License-Identifier: Apache-2.0
"""Keys: what may be one, how long it may be, and what is said of one that is none."""
import re

from subject import Case, Number, client, item, rows, shared_table, values

NO_MATCH = "The provided key element does not match the schema"
HASH_MAX, RANGE_MAX = 2048, 1024

ON_KEYS = (("get", client.get_item), ("update", client.update_item), ("delete", client.delete_item))


def empty_key(name):
    """Of a Key; AWS has been seen with either beginning."""
    return re.compile(r"^One or more parameter values (are not valid\.|were invalid:) The AttributeValue for a key attribute "
                      f"cannot contain an empty string value. Key: {name}$")


def empty(kind, name):
    return ("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
            f"empty {kind} value. Key: {name}")


class Keys(Case):
    schema = "ss"

    @rows(*((f"{title} {name}", operation, key)
            for name, operation in ON_KEYS
            for title, key in (("no range", {"pk": "a"}), ("no hash", {"sk": "a"}), ("one more", {"pk": "a", "sk": "a", "x": "a"}),
                               ("other names", {"a": "a", "b": "b"}), ("range of another type", {"pk": "a", "sk": 1}),
                               ("hash of another type", {"pk": b"a", "sk": "a"}), ("hash that is a list", {"pk": ["a"], "sk": "a"}),
                               ("nothing", {}))))
    def test_no_match(self, operation, key):
        with self.invalid(NO_MATCH):
            operation(TableName=self.table, Key=item(**key))

    @rows(
        ("no range", {"pk": "a"}, "One or more parameter values were invalid: Missing the key sk in the item"),
        ("no hash", {"sk": "a"}, "One or more parameter values were invalid: Missing the key pk in the item"),
        ("range of another type", {"pk": "a", "sk": 1},
         "One or more parameter values were invalid: Type mismatch for key sk expected: S actual: N"),
        ("hash of another type", {"pk": True, "sk": "a"},
         "One or more parameter values were invalid: Type mismatch for key pk expected: S actual: BOOL"),
        ("empty hash", {"pk": "", "sk": "a"}, empty("string", "pk")),
        ("empty range", {"pk": "a", "sk": ""}, empty("string", "sk")),
        ("long hash", {"pk": "h" * (HASH_MAX + 1), "sk": "a"},
         "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ("long range", {"pk": "a", "sk": "r" * (RANGE_MAX + 1)},
         "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes"),
        ("long hash by bytes", {"pk": "\u00e9" * (HASH_MAX // 2 + 1), "sk": "a"},
         "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"),
    )
    def test_put_refused(self, attributes, message):
        with self.invalid(message):
            client.put_item(TableName=self.table, Item=item(**attributes))

    @rows(*((f"{title} {name}", operation, key, message)
            for name, operation in ON_KEYS
            for title, key, message in (
                ("empty hash", {"pk": "", "sk": "a"}, empty_key("pk")),
                ("empty range", {"pk": "a", "sk": ""}, empty_key("sk")),
                ("long hash", {"pk": "h" * (HASH_MAX + 1), "sk": "a"},
                 "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"),
                ("long range", {"pk": "a", "sk": "r" * (RANGE_MAX + 1)}, "One or more parameter values were invalid: "
                 "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"))))
    def test_key_refused(self, operation, key, message):
        with self.invalid(message):
            operation(TableName=self.table, Key=item(**key))

    def test_as_long_as_they_may_be(self):
        longest = item(pk=(self.pk + "h" * HASH_MAX)[:HASH_MAX], sk="\u00e9" * (RANGE_MAX // 2))
        client.put_item(TableName=self.table, Item=longest)
        self.assertEqual(client.get_item(TableName=self.table, Key=longest)["Item"], longest)

    @rows(("zero", "\x00"), ("blank", " "), ("slash", "/"), ("tilde", "~"), ("emoji", "\U0001f600"), ("del", "\x7f"),
          ("composed", "\u00e9"), ("decomposed", "e\u0301"))
    def test_keys_of_any_character_are_apart(self, odd):
        keys = [item(pk=self.pk + pk, sk=sk) for pk, sk in ((odd, "a"), ("a", odd), (odd + odd, odd), (odd, odd + odd))]
        for number, key in enumerate(keys):
            client.put_item(TableName=self.table, Item={**key, **item(number=number)})
        for number, key in enumerate(keys):
            self.assertEqual(client.get_item(TableName=self.table, Key=key)["Item"]["number"], {"N": str(number)})

    def test_an_empty_binary_is_no_key(self):
        with self.invalid(empty("binary", "pk")):
            client.put_item(TableName=shared_table("b"), Item=item(pk=b""))

    @rows(("number", "n", Number("12.5")), ("binary", "b", bytes(range(256))))
    def test_other_hash_types(self, schema, pk):
        table = shared_table(schema)
        client.put_item(TableName=table, Item=item(pk=pk, v=1))
        self.assertEqual(client.get_item(TableName=table, Key=item(pk=pk))["Item"], item(pk=pk, v=1))
        client.delete_item(TableName=table, Key=item(pk=pk))
        self.assertNotIn("Item", client.get_item(TableName=table, Key=item(pk=pk)))

    @rows(*((name, operation) for name, operation in ON_KEYS))
    def test_no_table(self, operation):
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            operation(TableName="sealane_nowhere", Key=item(pk="a", sk="a"))

    @rows(("get", client.get_item, {}), ("update", client.update_item, {}), ("delete", client.delete_item, {}))
    def test_no_key(self, operation, more):
        with self.invalid("1 validation error detected: Value null at 'key' failed to satisfy constraint: "
                          "Member must not be null"):
            operation(TableName=self.table, **more)

    def test_no_item(self):
        with self.invalid("1 validation error detected: Value null at 'item' failed to satisfy constraint: "
                          "Member must not be null"):
            client.put_item(TableName=self.table)


class KeysOfIndexes(Case):
    schema = "indexed"

    @rows(
        ("other type", {"g": 1}, "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N "
         "IndexName: "),
        ("other type of range", {"g": "a", "h": "a"},
         "One or more parameter values were invalid: Type mismatch for Index Key h Expected: N Actual: S IndexName: "),
        ("other type in a local index", {"l": 1},
         "One or more parameter values were invalid: Type mismatch for Index Key l Expected: S Actual: N IndexName: "),
        ("empty", {"g": ""}, "One or more parameter values are not valid. A value specified for a secondary index key is not "
         "supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: "),
    )
    def test_put_refused(self, attributes, message):
        with self.invalid() as caught:
            self.put(sk="1", **attributes)
        self.assertTrue(str(caught.exception).split(": ", 1)[1].startswith(message), caught.exception)

    def test_they_need_not_be_there(self):
        self.put(sk="1", x=1)
        found = client.query(TableName=self.table, IndexName="lsi_all", KeyConditionExpression="pk = :pk",
                             ExpressionAttributeValues=values(pk=self.pk))
        self.assertEqual(found["Count"], 0)
