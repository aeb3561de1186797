# SPDX-License-Identifier: Apache-2.0
"""Query: conditions on keys, order, pages, filters, and what it refuses."""
import re

from subject import Case, Number, client, item, plain_item, raw, rows, shared_table, values

SORTED_NUMBERS = ["-1" + "0" * 125, "-10", "-9.5", "-1", "-0.001", "0", "0." + "0" * 129 + "1", "0.5", "1", "1.5", "2", "9", "10", "11",
                  "100", "12345678901234567890123456789012345678", "1" + "0" * 125]
SORTED_STRINGS = ["\x00", " ", "0", "10", "9", "A", "B", "a", "aa", "ab", "b", "~", "\x7f", "\u00e9", "\uffee", "\U0001f600"]
SORTED_BINARIES = [b"\x00", b"\x00\x00", b"\x00\x01", b"\x01", b"\x7f", b"\x80", b"\xff", b"\xff\x00", b"\xff\xff"]


class Order(Case):
    @rows(("numbers", "sn", [Number(n) for n in SORTED_NUMBERS]), ("strings by their bytes", "ss", SORTED_STRINGS),
          ("binaries without a sign", "sb", SORTED_BINARIES))
    def test_sorted(self, schema, in_order):
        table = shared_table(schema)
        for value in in_order[::2] + in_order[1::2]:
            client.put_item(TableName=table, Item=item(pk=self.pk, sk=value))
        for forward in (True, False):
            found = client.query(TableName=table, KeyConditionExpression="pk = :pk", ScanIndexForward=forward,
                                 ExpressionAttributeValues=values(pk=self.pk))
            sent = [item(sk=value)["sk"] for value in in_order]
            self.assertEqual([one["sk"] for one in found["Items"]], sent if forward else sent[::-1])


class KeyConditions(Case):
    schema = "ss"

    def setUp(self):
        super().setUp()
        for sk in ("a", "a1", "a2", "b", "b1", "c"):
            self.put(sk=sk)
        client.put_item(TableName=self.table, Item=item(pk=self.pk + "x", sk="a"))  # a neighbour

    @rows(
        ("hash", "pk = :pk", {}, ["a", "a1", "a2", "b", "b1", "c"]),
        ("hash, turned", ":pk = pk", {}, ["a", "a1", "a2", "b", "b1", "c"]),
        ("equal", "pk = :pk AND sk = :a", {"a": "a"}, ["a"]),
        ("equal none", "pk = :pk AND sk = :a", {"a": "aa"}, []),
        ("less", "pk = :pk AND sk < :a", {"a": "b"}, ["a", "a1", "a2"]),
        ("less or equal", "pk = :pk AND sk <= :a", {"a": "b"}, ["a", "a1", "a2", "b"]),
        ("greater", "pk = :pk AND sk > :a", {"a": "b"}, ["b1", "c"]),
        ("greater or equal", "pk = :pk AND sk >= :a", {"a": "b"}, ["b", "b1", "c"]),
        ("greater, turned", "pk = :pk AND :a < sk", {"a": "b"}, ["b1", "c"]),
        ("between", "pk = :pk AND sk BETWEEN :a AND :b", {"a": "a1", "b": "b"}, ["a1", "a2", "b"]),
        ("between one", "pk = :pk AND sk BETWEEN :a AND :b", {"a": "b", "b": "b"}, ["b"]),
        ("begins", "pk = :pk AND begins_with(sk, :a)", {"a": "a"}, ["a", "a1", "a2"]),
        ("begins none", "pk = :pk AND begins_with(sk, :a)", {"a": "z"}, []),
        ("range first", "sk > :a AND pk = :pk", {"a": "b"}, ["b1", "c"]),
        ("parentheses", "(pk = :pk) AND (sk > :a)", {"a": "b"}, ["b1", "c"]),
    )
    def test_condition(self, expression, given, expected):
        for forward in (True, False):
            found = client.query(TableName=self.table, KeyConditionExpression=expression, ScanIndexForward=forward,
                                 ExpressionAttributeValues=values(pk=self.pk, **given))
            self.assertEqual([one["sk"]["S"] for one in found["Items"]], expected if forward else expected[::-1])
            self.assertEqual((found["Count"], found["ScannedCount"]), (len(expected), len(expected)))
            self.assertNotIn("LastEvaluatedKey", found)

    @rows(
        ("no hash", "sk = :a", {"a": "a"}, "Query condition missed key schema element: pk"),
        ("hash not equal", "pk > :a", {"a": "a"}, "Query key condition not supported"),
        ("hash begins", "begins_with(pk, :a)", {"a": "a"}, "Query key condition not supported"),
        ("hash between", "pk BETWEEN :a AND :b", {"a": "a", "b": "b"}, "Query key condition not supported"),
        ("not a key", "pk = :a AND x = :b", {"a": "a", "b": "b"}, "Query condition missed key schema element: sk"),
        ("other type", "pk = :a AND sk = :b", {"a": "a", "b": 1},
         "One or more parameter values were invalid: Condition parameter type does not match schema type"),
        ("other type of hash", "pk = :a", {"a": 1},
         "One or more parameter values were invalid: Condition parameter type does not match schema type"),
        ("or", "pk = :a OR sk = :a", {"a": "a"}, "Invalid operator used in KeyConditionExpression: OR"),
        ("not", "NOT pk = :a", {"a": "a"}, "Invalid operator used in KeyConditionExpression: NOT"),
        ("in", "pk IN (:a)", {"a": "a"}, "Invalid operator used in KeyConditionExpression: IN"),
        ("unequal", "pk = :a AND sk <> :a", {"a": "a"}, "Invalid operator used in KeyConditionExpression: <>"),
        ("exists", "pk = :a AND attribute_exists(sk)", {"a": "a"},
         "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("contains", "pk = :a AND contains(sk, :a)", {"a": "a"}, "Invalid operator used in KeyConditionExpression: contains"),
        ("size", "pk = :a AND size(sk) = :b", {"a": "a", "b": 1}, "KeyConditionExpressions cannot contain nested operations"),
        ("nested", "pk = :a AND sk.x = :a", {"a": "a"}, "KeyConditionExpressions cannot have conditions on nested attributes"),
        ("twice", "pk = :a AND pk = :a", {"a": "a"}, re.compile(
            "^(Invalid KeyConditionExpression: )?KeyConditionExpressions must only contain one condition per key$")),
        ("two attributes", "pk = sk", {}, "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
         "condition"),
        ("redundant parentheses", "((pk = :a))", {"a": "a"},
         "Invalid KeyConditionExpression: The expression has redundant parentheses;"),
        ("reserved", "name = :a", {"a": "a"},
         "Invalid KeyConditionExpression: Attribute name is a reserved keyword; reserved keyword: name"),
        ("empty", "", {}, "Invalid KeyConditionExpression: The expression can not be empty;"),
        ("undefined value", "pk = :q", {}, "Invalid KeyConditionExpression: An expression attribute value used in expression is "
         "not defined; attribute value: :q"),
        ("between turned", "pk = :a AND sk BETWEEN :b AND :a", {"a": "a", "b": "b"},
         "Invalid KeyConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
         "lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}"),
        ("empty hash value", "pk = :a", {"a": ""}, re.compile(
            "One or more parameter values (are not valid|were invalid).*empty string value")),
    )
    def test_refused(self, expression, given, message):
        more = {"ExpressionAttributeValues": values(**given)} if given else {}
        with self.invalid(message):
            client.query(TableName=self.table, KeyConditionExpression=expression, **more)

    def test_no_condition(self):
        with self.invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."):
            client.query(TableName=self.table)

    def test_no_table(self):
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            client.query(TableName="sealane_nowhere", KeyConditionExpression="pk = :a", ExpressionAttributeValues=values(a="a"))


class Pages(Case):
    schema = "ss"

    def setUp(self):
        super().setUp()
        for number in range(10):
            self.put(sk=f"{number:02}", even=number % 2 == 0, number=number)
        self.ask = {"TableName": self.table, "KeyConditionExpression": "pk = :pk"}

    def query(self, given=(), **more):
        return client.query(**self.ask, ExpressionAttributeValues=values(pk=self.pk, **dict(given)), **more)

    @rows(*((f"{limit} {'forward' if forward else 'backward'}", limit, forward)
            for limit in (1, 3, 5, 10, 11) for forward in (True, False)))
    def test_pages(self, limit, forward):
        found, start = [], {}
        while True:
            page = self.query(Limit=limit, ScanIndexForward=forward, **start)
            self.assertEqual(page["Count"], min(limit, 10 - len(found)))
            found += [int(one["sk"]["S"]) for one in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            self.assertEqual(page["LastEvaluatedKey"], {name: page["Items"][-1][name] for name in ("pk", "sk")}
                             if page["Items"] else start["ExclusiveStartKey"])
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        self.assertEqual(found, sorted(range(10), reverse=not forward))

    def test_a_full_last_page_still_names_a_key(self):
        page = self.query(Limit=10)
        self.assertIn("LastEvaluatedKey", page)
        page = self.query(Limit=10, ExclusiveStartKey=page["LastEvaluatedKey"])
        self.assertEqual((page["Count"], page.get("LastEvaluatedKey")), (0, None))

    def test_the_limit_counts_before_the_filter(self):
        page = self.query({"t": True}, Limit=4, FilterExpression="even = :t")
        self.assertEqual((page["Count"], page["ScannedCount"]), (2, 4))
        self.assertEqual(page["LastEvaluatedKey"]["sk"], {"S": "03"})

    def test_a_page_may_be_empty_and_not_the_last(self):
        page = self.query({"n": 9}, Limit=3, FilterExpression="#n = :n", ExpressionAttributeNames={"#n": "number"})
        self.assertEqual((page["Count"], page["ScannedCount"], page["Items"]), (0, 3, []))
        self.assertIn("LastEvaluatedKey", page)

    def test_pages_with_a_condition(self):
        found, start = [], {}
        while True:
            page = client.query(TableName=self.table, KeyConditionExpression="pk = :pk AND sk BETWEEN :a AND :b", Limit=2,
                                ScanIndexForward=False, ExpressionAttributeValues=values(pk=self.pk, a="02", b="07"), **start)
            found += [one["sk"]["S"] for one in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        self.assertEqual(found, ["07", "06", "05", "04", "03", "02"])

    def test_a_start_need_not_be_there(self):
        page = self.query(ExclusiveStartKey=self.key(sk="04x"))
        self.assertEqual([one["sk"]["S"] for one in page["Items"]], ["05", "06", "07", "08", "09"])

    def test_count_only(self):
        page = self.query({"t": True}, Select="COUNT", FilterExpression="even = :t")
        self.assertEqual((page["Count"], page["ScannedCount"]), (5, 10))
        self.assertNotIn("Items", page)

    def test_a_projection_and_a_filter_on_what_is_not_projected(self):
        page = self.query({"t": True}, ProjectionExpression="sk", FilterExpression="even = :t")
        self.assertEqual([plain_item(one) for one in page["Items"]], [{"sk": f"{n:02}"} for n in range(0, 10, 2)])

    def test_the_paginator_of_the_client(self):
        pages = client.get_paginator("query").paginate(**self.ask, ExpressionAttributeValues=values(pk=self.pk),
                                                       PaginationConfig={"PageSize": 3})
        self.assertEqual([len(page["Items"]) for page in pages], [3, 3, 3, 1])

    def test_a_page_ends_at_one_mebibyte(self):
        big = "x" * 300_000
        for number in range(5):
            client.put_item(TableName=self.table, Item=item(pk=self.pk + "big", sk=str(number), body=big))
        ask = {"TableName": self.table, "KeyConditionExpression": "pk = :pk", "ProjectionExpression": "sk",
               "ExpressionAttributeValues": values(pk=self.pk + "big")}
        page = client.query(**ask)  # what is left away counts as well
        self.assertEqual(page["Count"], 4)
        rest = client.query(**ask, ExclusiveStartKey=page["LastEvaluatedKey"])
        self.assertEqual((rest["Count"], "LastEvaluatedKey" in rest), (1, False))

    @rows(
        ("limit zero", {"Limit": 0}, "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
         "Member must have value greater than or equal to 1"),
        ("start without range", {"ExclusiveStartKey": item(pk="a")}, "The provided starting key is invalid"),
        ("start of another hash", {"ExclusiveStartKey": item(pk="other", sk="a")},
         "The provided starting key is outside query boundaries based on provided conditions"),
        ("start of another type", {"ExclusiveStartKey": item(pk="a", sk=1)}, re.compile(
            "^The provided (starting key is invalid|key element does not match the schema)")),
        ("filter on a key", {"FilterExpression": "sk = :pk"},
         "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk"),
        ("unknown select", {"Select": "SOME"}, "1 validation error detected: Value 'SOME' at 'select' failed to satisfy constraint: "
         "Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]"),
        ("projected without index", {"Select": "ALL_PROJECTED_ATTRIBUTES"}, re.compile(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")),
        ("specific without projection", {"Select": "SPECIFIC_ATTRIBUTES"}, re.compile("SPECIFIC_ATTRIBUTES")),
        # Those who have asked AWS differ about what stands before it, in Query alone.
        ("count with projection", {"Select": "COUNT", "ProjectionExpression": "sk"}, re.compile(
            "^(1 validation error detected: )?Cannot specify the ProjectionExpression when choosing to get only the Count$")),
        ("all with projection", {"Select": "ALL_ATTRIBUTES", "ProjectionExpression": "sk"}, re.compile(
            "^(1 validation error detected: )?Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES$")),
    )
    def test_refused(self, more, message):
        with self.invalid(message):
            self.query(**more)

    def test_a_wrong_limit_by_type(self):
        answer = raw("Query", {"TableName": self.table, "KeyConditionExpression": "pk = :pk", "Limit": "3",
                               "ExpressionAttributeValues": values(pk=self.pk)})
        self.check_raw_error(answer, "SerializationException", "STRING_VALUE cannot be converted to Integer")
