# SPDX-License-Identifier: Apache-2.0
"""The parameters of before expressions, which old programs still send: Expected, AttributeUpdates, KeyConditions,
QueryFilter, ScanFilter, AttributesToGet, ConditionalOperator."""
import re

from subject import Case, av, client, item, plain_item, rows

ITEM = {"s": "hello", "n": 5, "b": b"\x01\x02", "ss": {"a", "b"}, "ns": {1, 2}, "l": [1, "x"], "nul": None, "t": True}
WRONG = "One or more parameter values were invalid: "


def when(operator, *operands):
    condition = {"ComparisonOperator": operator}
    if operands:
        condition["AttributeValueList"] = [av(one) for one in operands]
    return condition


# name, attribute, condition, does it hold of ITEM
TRUTH = (
    ("EQ", "s", when("EQ", "hello"), True), ("EQ not", "s", when("EQ", "x"), False), ("EQ type", "n", when("EQ", "5"), False),
    ("EQ set", "ss", when("EQ", {"b", "a"}), True),
    ("NE", "s", when("NE", "x"), True), ("NE not", "s", when("NE", "hello"), False), ("NE type", "n", when("NE", "5"), True),
    ("LE", "n", when("LE", 5), True), ("LT", "n", when("LT", 5), False), ("GE", "n", when("GE", 5), True),
    ("GT", "n", when("GT", 4), True), ("GT type", "n", when("GT", "4"), False), ("GT missing", "q", when("GT", 4), False),
    ("NOT_NULL", "s", when("NOT_NULL"), True), ("NOT_NULL missing", "q", when("NOT_NULL"), False),
    ("NOT_NULL of null", "nul", when("NOT_NULL"), True), ("NULL", "q", when("NULL"), True), ("NULL there", "s", when("NULL"), False),
    ("CONTAINS", "s", when("CONTAINS", "ell"), True), ("CONTAINS set", "ss", when("CONTAINS", "a"), True),
    ("CONTAINS number set", "ns", when("CONTAINS", 3), False),
    ("NOT_CONTAINS", "s", when("NOT_CONTAINS", "x"), True), ("NOT_CONTAINS set", "ss", when("NOT_CONTAINS", "a"), False),
    ("BEGINS_WITH", "s", when("BEGINS_WITH", "he"), True), ("BEGINS_WITH not", "s", when("BEGINS_WITH", "e"), False),
    ("BEGINS_WITH binary", "b", when("BEGINS_WITH", b"\x01"), True),
    ("IN", "n", when("IN", 1, 5), True), ("IN not", "n", when("IN", 1, 2), False),
    ("BETWEEN", "n", when("BETWEEN", 5, 6), True), ("BETWEEN not", "n", when("BETWEEN", 6, 7), False),
)

REFUSED = (
    ("EQ of two", when("EQ", 1, 2), WRONG + "Invalid number of argument(s) for the EQ ComparisonOperator"),
    ("BETWEEN of one", when("BETWEEN", 1), WRONG + "Invalid number of argument(s) for the BETWEEN ComparisonOperator"),
    ("NULL of one", when("NULL", 1), WRONG + "Invalid number of argument(s) for the NULL ComparisonOperator"),
    ("mixed types", when("IN", 1, "x"), WRONG + "AttributeValues inside AttributeValueList must be of same type"),
    ("BETWEEN turned", when("BETWEEN", 2, 1),
     "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"),
)
NO_CONDITIONS = "ConditionalOperator cannot be used without Filter or Expected"
ONE_CONDITION = "ConditionalOperator can only be used when Filter or Expected has two or more elements"
# of ConditionalOperator: name, the conditions that it comes with
REFUSED_OPERATORS = (("alone", None, NO_CONDITIONS), ("of none", {}, NO_CONDITIONS), ("of one", {"a": when("NULL")}, ONE_CONDITION))


class Expected(Case):
    def put_when(self, **more):
        client.put_item(TableName=self.table, Item=self.key(new=1), **more)

    @rows(*TRUTH)
    def test_condition(self, attribute, condition, holds):
        self.put(**ITEM)
        if holds:
            self.put_when(Expected={attribute: condition})
            self.assertEqual(self.stored(), {"new": 1})
        else:
            with self.refused("ConditionalCheckFailedException", "The conditional request failed"):
                self.put_when(Expected={attribute: condition})

    @rows(("value", {"s": {"Value": av("hello")}}, True), ("value that exists", {"s": {"Value": av("hello"), "Exists": True}}, True),
          ("other value", {"s": {"Value": av("x")}}, False), ("must not exist", {"q": {"Exists": False}}, True),
          ("must not exist but does", {"s": {"Exists": False}}, False))
    def test_oldest_form(self, expected, holds):
        self.put(**ITEM)
        if holds:
            self.put_when(Expected=expected)
        else:
            with self.refused("ConditionalCheckFailedException"):
                self.put_when(Expected=expected)

    @rows(("AND", "AND", False), ("OR", "OR", True), ("none is AND", None, False))
    def test_operator(self, operator, holds):
        self.put(**ITEM)
        more = {"ConditionalOperator": operator} if operator else {}
        both = {"s": when("EQ", "hello"), "n": when("EQ", 6)}
        if holds:
            self.put_when(Expected=both, **more)
        else:
            with self.refused("ConditionalCheckFailedException"):
                self.put_when(Expected=both, **more)

    @rows(*REFUSED_OPERATORS)
    def test_operator_refused(self, conditions, message):
        more = {} if conditions is None else {"Expected": conditions}
        with self.invalid(message):
            self.put_when(ConditionalOperator="OR", **more)
        for operation in (client.update_item, client.delete_item):
            with self.invalid(message):
                operation(TableName=self.table, Key=self.key(), ConditionalOperator="AND", **more)
        self.assertIsNone(self.stored())

    @rows(*REFUSED,
          ("value and list", {**when("EQ", 1), "Value": av(1)},
           WRONG + "Value and AttributeValueList cannot be used together for Attribute: a"),
          ("exists and operator", {**when("EQ", 1), "Exists": True},
           WRONG + "Exists and ComparisonOperator cannot be used together for Attribute: a"),
          ("list alone", {"AttributeValueList": [av(1)]},
           WRONG + "AttributeValueList can only be used with a ComparisonOperator for Attribute: a"),
          ("exists without value", {"Exists": True}, WRONG + "Value must be provided when Exists is true for Attribute: a"),
          ("value of what is not", {"Exists": False, "Value": av(1)},
           WRONG + "Value cannot be used when Exists is false for Attribute: a"),
          ("nothing", {}, WRONG + "Value must be provided when Exists is null for Attribute: a"),
          ("operator alone", when("EQ"),
           WRONG + "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a"))
    def test_refused(self, condition, message):
        with self.invalid(message):
            self.put_when(Expected={"a": condition})

    def test_update_and_delete_have_it_too(self):
        self.put(**ITEM)
        for operation in (client.update_item, client.delete_item):
            with self.refused("ConditionalCheckFailedException"):
                operation(TableName=self.table, Key=self.key(), Expected={"n": when("EQ", 6)})
        client.delete_item(TableName=self.table, Key=self.key(), Expected={"n": when("EQ", 5)})
        self.assertIsNone(self.stored())


class AttributeUpdates(Case):
    def update(self, **updates):
        client.update_item(TableName=self.table, Key=self.key(), AttributeUpdates=updates)

    @rows(
        ("PUT", {"a": {"Action": "PUT", "Value": av(1)}}, {"a": 1}),
        ("no action is PUT", {"s": {"Value": av(1)}}, {"s": 1}),
        ("DELETE", {"s": {"Action": "DELETE"}}, {"s": ...}),
        ("DELETE missing", {"q": {"Action": "DELETE"}}, {}),
        ("DELETE from a set", {"ss": {"Action": "DELETE", "Value": av({"a"})}}, {"ss": {"b"}}),
        ("DELETE the whole set", {"ss": {"Action": "DELETE", "Value": av({"a", "b"})}}, {"ss": ...}),
        ("ADD", {"n": {"Action": "ADD", "Value": av(3)}}, {"n": 8}),
        ("ADD to nothing", {"q": {"Action": "ADD", "Value": av(3)}}, {"q": 3}),
        ("ADD to a set", {"ss": {"Action": "ADD", "Value": av({"c"})}}, {"ss": {"a", "b", "c"}}),
        ("ADD to a list", {"l": {"Action": "ADD", "Value": av(["y"])}}, {"l": [1, "x", "y"]}),
        ("three at once", {"a": {"Value": av(1)}, "n": {"Action": "ADD", "Value": av(1)}, "s": {"Action": "DELETE"}},
         {"a": 1, "n": 6, "s": ...}),
        ("a dot is part of the name", {"a.b": {"Value": av(1)}}, {"a.b": 1}),
    )
    def test_update(self, updates, changed):
        self.put(**ITEM)
        self.update(**updates)
        self.assertEqual(av(self.stored()), av({k: v for k, v in {**ITEM, **changed}.items() if v is not ...}))

    @rows(
        ("PUT without value", {"a": {"Action": "PUT"}},
         WRONG + "Only DELETE action is allowed when no attribute value is specified"),
        ("ADD a string", {"a": {"Action": "ADD", "Value": av("x")}}, WRONG + "ADD action is not supported for the type S"),
        ("DELETE a number", {"a": {"Action": "DELETE", "Value": av(1)}},
         WRONG + "DELETE action with value is not supported for the type N"),
        ("ADD to another type", {"s": {"Action": "ADD", "Value": av(1)}}, "Type mismatch for attribute to update"),
        ("the key", {"pk": {"Value": av("x")}}, WRONG + "Cannot update attribute pk. This attribute is part of the key"),
    )
    def test_refused(self, updates, message):
        self.put(**ITEM)
        with self.invalid(message):
            self.update(**updates)
        self.assertEqual(self.stored(), ITEM)

    def test_not_both_forms(self):
        with self.invalid("Can not use both expression and non-expression parameters in the same request: "
                          "Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}"):
            client.update_item(TableName=self.table, Key=self.key(), AttributeUpdates={}, UpdateExpression="REMOVE a")


class LegacyQueries(Case):
    schema = "ss"

    def setUp(self):
        super().setUp()
        for number, sk in enumerate(("a", "a1", "b", "c")):
            self.put(sk=sk, number=number, **ITEM)

    def query(self, **more):
        conditions = {"pk": when("EQ", self.pk), **more.pop("KeyConditions", {})}
        return client.query(TableName=self.table, KeyConditions=conditions, **more)

    @rows(("hash", {}, ["a", "a1", "b", "c"]), ("EQ", {"sk": when("EQ", "b")}, ["b"]), ("LT", {"sk": when("LT", "b")}, ["a", "a1"]),
          ("LE", {"sk": when("LE", "b")}, ["a", "a1", "b"]), ("GT", {"sk": when("GT", "a1")}, ["b", "c"]),
          ("GE", {"sk": when("GE", "a1")}, ["a1", "b", "c"]), ("BETWEEN", {"sk": when("BETWEEN", "a1", "b")}, ["a1", "b"]),
          ("BEGINS_WITH", {"sk": when("BEGINS_WITH", "a")}, ["a", "a1"]))
    def test_key_conditions(self, conditions, expected):
        self.assertEqual([one["sk"]["S"] for one in self.query(KeyConditions=conditions)["Items"]], expected)

    @rows(*((operator, operator, operands) for operator, operands in (
        ("NE", ("a",)), ("CONTAINS", ("a",)), ("NOT_CONTAINS", ("a",)), ("IN", ("a",)), ("NULL", ()), ("NOT_NULL", ()))))
    def test_no_key_condition(self, operator, operands):
        with self.invalid("Attempted conditional constraint is not an indexable operation"):
            self.query(KeyConditions={"sk": when(operator, *operands)})

    @rows(*TRUTH)
    def test_query_filter(self, attribute, condition, holds):
        found = self.query(QueryFilter={attribute: condition})
        self.assertEqual((found["Count"], found["ScannedCount"]), (4 if holds else 0, 4))

    @rows(*(row for row in REFUSED))
    def test_query_filter_refused(self, condition, message):
        with self.invalid(message):
            self.query(QueryFilter={"a": condition})

    @rows(("AND", "AND", 0), ("OR", "OR", 4))
    def test_operator(self, operator, count):
        found = self.query(QueryFilter={"s": when("EQ", "hello"), "n": when("EQ", 6)}, ConditionalOperator=operator)
        self.assertEqual(found["Count"], count)

    @rows(*REFUSED_OPERATORS)
    def test_operator_refused(self, conditions, message):
        with self.invalid(message):  # KeyConditions are not what it joins
            self.query(ConditionalOperator="OR", **({} if conditions is None else {"QueryFilter": conditions}))
        with self.invalid(message):
            client.scan(TableName=self.table, ConditionalOperator="OR", **({} if conditions is None else {"ScanFilter": conditions}))

    def test_scan_filter(self):
        pages = client.get_paginator("scan").paginate(TableName=self.table, ScanFilter={
            "pk": when("EQ", self.pk), "number": when("GT", 1)})
        self.assertEqual(len(pages.build_full_result()["Items"]), 2)

    def test_attributes_to_get(self):
        for found in (self.query(AttributesToGet=["sk", "q"], Limit=1)["Items"][0],
                      client.get_item(TableName=self.table, Key=self.key(sk="a"), AttributesToGet=["sk", "q"])["Item"],
                      client.batch_get_item(RequestItems={self.table: {"Keys": [self.key(sk="a")], "AttributesToGet": ["sk"]}})
                      ["Responses"][self.table][0]):
            self.assertEqual(plain_item(found), {"sk": "a"})

    def test_an_attribute_twice(self):
        with self.invalid(WRONG + "Duplicate value in attribute name: a"):
            client.get_item(TableName=self.table, Key=self.key(sk="a"), AttributesToGet=["a", "b", "a"])

    def test_three_conditions(self):
        with self.invalid("Conditions can be of length 1 or 2 only"):
            self.query(KeyConditions={"sk": when("EQ", "a"), "x": when("EQ", "a")})

    @rows(("filter", {"FilterExpression": "attribute_exists(a)", "QueryFilter": {"a": when("NULL")}}),
          ("projection", {"ProjectionExpression": "a", "AttributesToGet": ["a"]}))
    def test_not_both_forms(self, more):
        with self.invalid(re.compile("^Can not use both expression and non-expression parameters in the same request: ")):
            self.query(**more)
