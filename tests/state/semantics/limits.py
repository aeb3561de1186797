# SPDX-License-Identifier: Apache-2.0
"""Sizes: of items, expressions and answers, each at its limit and one past it."""
import re

from subject import Case, av, client, rows, values

ITEM_MAX = 400 * 1024
NAME_MAX = 65535
EXPRESSION_MAX = 4096
OPERATORS_MAX = 300
TOO_LARGE = "Item size has exceeded the maximum allowed size"


class ItemSize(Case):
    def body(self, size):
        return "x" * (size - len("pk") - len(self.pk) - len("body"))

    def test_400_kib_fit(self):
        self.put(body=self.body(ITEM_MAX))
        self.assertEqual(len(self.stored()["body"]), len(self.body(ITEM_MAX)))

    @rows(("put", client.put_item, "Item"),)
    def test_one_more_does_not(self, operation, parameter):
        with self.invalid(TOO_LARGE):
            operation(**{"TableName": self.table, parameter: self.key(body=self.body(ITEM_MAX + 1))})

    def test_names_count(self):
        with self.invalid(TOO_LARGE):
            client.put_item(TableName=self.table, Item={**self.key(body=self.body(ITEM_MAX - 3)), "name": av("")})

    def test_bytes_count_not_characters(self):
        with self.invalid(TOO_LARGE):
            self.put(body="\u00e9" * (ITEM_MAX // 2))

    def test_many_small_values_count(self):
        with self.invalid(TOO_LARGE):
            self.put(l=[None] * ITEM_MAX)

    def test_an_update_may_not_pass_it(self):
        self.put(body=self.body(ITEM_MAX - 100))
        for expression in ("SET a = :a", "SET l = list_append(:l, :l)"):
            given = {"a": "x" * 200} if ":a" in expression else {"l": ["x" * 100]}
            with self.invalid("Item size to update has exceeded the maximum allowed size"):
                client.update_item(TableName=self.table, Key=self.key(), UpdateExpression=expression,
                                   ExpressionAttributeValues=values(**given))
        self.assertEqual(list(self.stored()), ["body"])

    def test_a_batch_checks_each(self):
        with self.invalid(TOO_LARGE):
            client.batch_write_item(RequestItems={self.table: [{"PutRequest": {"Item": self.key(body=self.body(ITEM_MAX + 1))}}]})


class NameSize(Case):
    def test_65535_bytes_fit(self):
        self.put(**{"n" * NAME_MAX: 1})
        self.assertEqual(self.stored(), {"n" * NAME_MAX: 1})

    @rows(("top", lambda name: {name: 1}), ("in a map", lambda name: {"m": {name: 1}}))
    def test_one_more_does_not(self, attributes):
        with self.invalid("Attribute name is too large, must be less than 65536 bytes"):
            self.put(**attributes("n" * (NAME_MAX + 1)))


class ExpressionSize(Case):
    def condition(self, expression, **given):
        client.delete_item(TableName=self.table, Key=self.key(), ConditionExpression=expression,
                           ExpressionAttributeValues=values(**given))

    def test_4_kib_fit(self):
        expression = "a <> :v"
        self.condition(expression + " " * (EXPRESSION_MAX - len(expression)), v=1)

    def test_one_more_does_not(self):
        expression = "a <> :v"
        with self.invalid(re.compile("^Invalid ConditionExpression: Expression size has exceeded the maximum allowed size")):
            self.condition(expression + " " * (EXPRESSION_MAX + 1 - len(expression)), v=1)

    def test_300_operators_fit(self):
        self.condition(" OR ".join(["a<>:v"] * (OPERATORS_MAX // 2)), v=1)  # and one OR less than comparisons

    def test_many_more_do_not(self):
        with self.invalid(re.compile("^Invalid ConditionExpression: .*operator")):
            self.condition(" OR ".join(["a<>:v"] * (OPERATORS_MAX // 2 + 10)), v=1)

    def test_100_operands_of_in_fit(self):
        self.put(a=99)
        names = [f":v{n}" for n in range(100)]
        self.condition(f"a IN ({','.join(names)})", **{name[1:]: n for n, name in enumerate(names)})

    def test_101_do_not(self):
        names = [f":v{n}" for n in range(101)]
        with self.invalid(re.compile("^Invalid ConditionExpression: .*IN")):
            self.condition(f"a IN ({','.join(names)})", **{name[1:]: n for n, name in enumerate(names)})

    @rows(("parentheses", "(" * 1500 + "a = :v" + ")" * 1500), ("not", "NOT " * 1000 + "a = :v"),
          ("path", "a" + ".a" * 1500 + " = :v"), ("indexes", "a" + "[0]" * 1000 + " = :v"),
          ("functions", "size(" * 700 + "a" + ")" * 700 + " = :v"))
    def test_deep_ones_are_answered(self, expression):
        try:
            self.condition(expression, v=1)
        except (client.exceptions.ClientError) as error:
            self.assertIn(error.response["Error"]["Code"], ("ValidationException", "ConditionalCheckFailedException"))
        self.put(alive=True)
        self.assertEqual(self.stored(), {"alive": True})
