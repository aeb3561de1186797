# SPDX-License-Identifier: Apache-2.0
"""What each condition says of one item: the same table read as ConditionExpression and as FilterExpression."""
import re

from subject import Case, Number, av, client, item, plain_item, raw, rows, values

SUBJECT = {
    "s": "hello", "e": "", "n": 5, "neg": -3, "z": 0, "big": 12345678901234567890123456789012345678,
    "b": b"\x01\x02\x03", "t": True, "f": False, "nul": None, "ss": {"a", "b"}, "ns": {1, 2}, "bs": {b"x", b"y"},
    "l": [1, "two", [3, {"deep": "x"}]], "el": [], "m": {"a": {"b": {"c": 7}}, "x.y": 1}, "em": {},
}

# name, expression, values, names, does it hold
TRUTH = (
    ("exists", "attribute_exists(s)", {}, {}, True),
    ("exists not", "attribute_exists(absent)", {}, {}, False),
    ("exists null", "attribute_exists(nul)", {}, {}, True),
    ("exists nested", "attribute_exists(m.a.b.c)", {}, {}, True),
    ("exists nested not", "attribute_exists(m.a.q)", {}, {}, False),
    ("exists in list", "attribute_exists(l[2][1].deep)", {}, {}, True),
    ("exists past list", "attribute_exists(l[3])", {}, {}, False),
    ("exists index of a map", "attribute_exists(m[0])", {}, {}, False),
    ("exists member of a list", "attribute_exists(l.a)", {}, {}, False),
    ("exists below a scalar", "attribute_exists(s.a)", {}, {}, False),
    ("exists the key", "attribute_exists(pk)", {}, {}, True),
    ("not exists", "attribute_not_exists(absent)", {}, {}, True),
    ("not exists not", "attribute_not_exists(s)", {}, {}, False),
    ("not exists nested", "attribute_not_exists(m.a.b.d)", {}, {}, True),

    ("type S", "attribute_type(s, :v)", {"v": "S"}, {}, True),
    ("type N", "attribute_type(n, :v)", {"v": "N"}, {}, True),
    ("type B", "attribute_type(b, :v)", {"v": "B"}, {}, True),
    ("type BOOL", "attribute_type(t, :v)", {"v": "BOOL"}, {}, True),
    ("type NULL", "attribute_type(nul, :v)", {"v": "NULL"}, {}, True),
    ("type SS", "attribute_type(ss, :v)", {"v": "SS"}, {}, True),
    ("type NS", "attribute_type(ns, :v)", {"v": "NS"}, {}, True),
    ("type BS", "attribute_type(bs, :v)", {"v": "BS"}, {}, True),
    ("type L", "attribute_type(l, :v)", {"v": "L"}, {}, True),
    ("type M", "attribute_type(m, :v)", {"v": "M"}, {}, True),
    ("type other", "attribute_type(s, :v)", {"v": "N"}, {}, False),
    ("type of missing", "attribute_type(absent, :v)", {"v": "S"}, {}, False),
    ("type nested", "attribute_type(l[2], :v)", {"v": "L"}, {}, True),

    ("begins", "begins_with(s, :v)", {"v": "hel"}, {}, True),
    ("begins whole", "begins_with(s, :v)", {"v": "hello"}, {}, True),
    ("begins longer", "begins_with(s, :v)", {"v": "hello "}, {}, False),
    ("begins empty", "begins_with(s, :v)", {"v": ""}, {}, True),
    ("begins case", "begins_with(s, :v)", {"v": "Hel"}, {}, False),
    ("begins binary", "begins_with(b, :v)", {"v": b"\x01\x02"}, {}, True),
    ("begins binary not", "begins_with(b, :v)", {"v": b"\x02"}, {}, False),
    ("begins other type", "begins_with(n, :v)", {"v": "5"}, {}, False),
    ("begins missing", "begins_with(absent, :v)", {"v": "x"}, {}, False),
    ("begins nested", "begins_with(l[1], :v)", {"v": "tw"}, {}, True),

    ("contains substring", "contains(s, :v)", {"v": "ell"}, {}, True),
    ("contains substring not", "contains(s, :v)", {"v": "elo"}, {}, False),
    ("contains in string set", "contains(ss, :v)", {"v": "a"}, {}, True),
    ("contains in string set whole", "contains(ss, :v)", {"v": "A"}, {}, False),
    ("contains in number set", "contains(ns, :v)", {"v": 2}, {}, True),
    ("contains in number set by value", "contains(ns, :v)", {"v": Number("2.0")}, {}, True),
    ("contains in number set not", "contains(ns, :v)", {"v": 3}, {}, False),
    ("contains in binary set", "contains(bs, :v)", {"v": b"x"}, {}, True),
    ("contains in list", "contains(l, :v)", {"v": "two"}, {}, True),
    ("contains in list a list", "contains(l, :v)", {"v": [3, {"deep": "x"}]}, {}, True),
    ("contains in list not deep", "contains(l, :v)", {"v": 3}, {}, False),
    ("contains in binary", "contains(b, :v)", {"v": b"\x02\x03"}, {}, True),
    ("contains in binary not", "contains(b, :v)", {"v": b"\x03\x02"}, {}, False),
    ("contains in number never", "contains(n, :v)", {"v": 5}, {}, False),
    ("contains in map never", "contains(m, :v)", {"v": "a"}, {}, False),
    ("contains other type", "contains(s, :v)", {"v": 1}, {}, False),
    ("contains missing", "contains(absent, :v)", {"v": "x"}, {}, False),

    ("size of string", "size(s) = :v", {"v": 5}, {}, True),
    ("size of empty string", "size(e) = :v", {"v": 0}, {}, True),
    ("size of binary", "size(b) = :v", {"v": 3}, {}, True),
    ("size of set", "size(ss) = :v", {"v": 2}, {}, True),
    ("size of list", "size(l) = :v", {"v": 3}, {}, True),
    ("size of empty list", "size(el) = :v", {"v": 0}, {}, True),
    ("size of map", "size(m) = :v", {"v": 2}, {}, True),
    ("size of number never", "size(n) >= :v", {"v": 0}, {}, False),
    ("size of absent never", "size(absent) >= :v", {"v": 0}, {}, False),
    ("size on the right", ":v < size(s)", {"v": 4}, {}, True),
    ("size between", "size(s) BETWEEN :a AND :b", {"a": 5, "b": 6}, {}, True),
    ("size of two", "size(s) > size(b)", {}, {}, True),
    ("size in", "size(s) IN (:a, :b)", {"a": 1, "b": 5}, {}, True),

    ("equal string", "s = :v", {"v": "hello"}, {}, True),
    ("equal string case", "s = :v", {"v": "Hello"}, {}, False),
    ("equal number", "n = :v", {"v": 5}, {}, True),
    ("equal number by value", "n = :v", {"v": Number("5.00")}, {}, True),
    ("equal number by exponent", "n = :v", {"v": Number("0.5e1")}, {}, True),
    ("equal zero", "z = :v", {"v": Number("-0")}, {}, True),
    ("equal other type", "n = :v", {"v": "5"}, {}, False),
    ("equal 38 digits", "big = :v", {"v": 12345678901234567890123456789012345678}, {}, True),
    ("equal 38 digits last", "big = :v", {"v": 12345678901234567890123456789012345679}, {}, False),
    ("equal binary", "b = :v", {"v": b"\x01\x02\x03"}, {}, True),
    ("equal true", "t = :v", {"v": True}, {}, True),
    ("equal false", "t = :v", {"v": False}, {}, False),
    ("equal null", "nul = :v", {"v": None}, {}, True),
    ("equal set", "ss = :v", {"v": {"b", "a"}}, {}, True),
    ("equal set smaller", "ss = :v", {"v": {"a"}}, {}, False),
    ("equal number set", "ns = :v", {"v": {2, 1}}, {}, True),
    ("equal list", "l = :v", {"v": [1, "two", [3, {"deep": "x"}]]}, {}, True),
    ("equal list order", "l = :v", {"v": ["two", 1, [3, {"deep": "x"}]]}, {}, False),
    ("equal list number by value", "l = :v", {"v": [Number("1.0"), "two", [3, {"deep": "x"}]]}, {}, True),
    ("equal map", "m = :v", {"v": {"x.y": 1, "a": {"b": {"c": 7}}}}, {}, True),
    ("equal map other", "m = :v", {"v": {"x.y": 1}}, {}, False),
    ("equal nested", "m.a.b.c = :v", {"v": 7}, {}, True),
    ("equal nested in list", "l[2][1].deep = :v", {"v": "x"}, {}, True),
    ("equal name with a dot", "m.#d = :v", {"v": 1}, {"#d": "x.y"}, True),
    ("equal two attributes", "n = z", {}, {}, False),
    ("equal value first", ":v = s", {"v": "hello"}, {}, True),
    ("equal missing", "absent = :v", {"v": 1}, {}, False),
    ("equal two missing", "absent = nowhere", {}, {}, False),
    ("unequal", "n <> :v", {"v": 6}, {}, True),
    ("unequal not", "n <> :v", {"v": 5}, {}, False),
    ("unequal other type", "n <> :v", {"v": "5"}, {}, True),
    ("unequal missing", "absent <> :v", {"v": 1}, {}, True),

    ("less", "n < :v", {"v": 6}, {}, True),
    ("less equal", "n < :v", {"v": 5}, {}, False),
    ("less negative", "neg < :v", {"v": 0}, {}, True),
    ("less as numbers", "n < :v", {"v": 10}, {}, True),
    ("less other type", "n < :v", {"v": "6"}, {}, False),
    ("less missing", "absent < :v", {"v": 6}, {}, False),
    ("less or equal", "n <= :v", {"v": 5}, {}, True),
    ("greater", "n > :v", {"v": 4}, {}, True),
    ("greater fraction", "n > :v", {"v": Number("4.9999999999999999999999999999999999999")}, {}, True),
    ("greater or equal", "n >= :v", {"v": 5}, {}, True),
    ("greater string", "s > :v", {"v": "hell"}, {}, True),
    ("greater binary unsigned", "b < :v", {"v": b"\xff"}, {}, True),
    ("greater string of two bytes", "s < :v", {"v": "\u00e9"}, {}, True),

    ("between", "n BETWEEN :a AND :b", {"a": 1, "b": 5}, {}, True),
    ("between low end", "n BETWEEN :a AND :b", {"a": 5, "b": 9}, {}, True),
    ("between outside", "n BETWEEN :a AND :b", {"a": 6, "b": 9}, {}, False),
    ("between strings", "s BETWEEN :a AND :b", {"a": "h", "b": "i"}, {}, True),
    ("between other type", "s BETWEEN :a AND :b", {"a": 1, "b": 2}, {}, False),
    ("between attributes", ":v BETWEEN neg AND n", {"v": 0}, {}, True),
    ("between missing", "absent BETWEEN :a AND :b", {"a": 1, "b": 2}, {}, False),
    ("between and and", "n BETWEEN :a AND :b AND z = :z", {"a": 1, "b": 5, "z": 0}, {}, True),
    ("in", "n IN (:a, :b)", {"a": 1, "b": 5}, {}, True),
    ("in one", "n IN (:a)", {"a": 5}, {}, True),
    ("in not", "n IN (:a, :b)", {"a": 1, "b": 2}, {}, False),
    ("in mixed types", "n IN (:a, :b)", {"a": "5", "b": 5}, {}, True),
    ("in attributes", ":v IN (z, n)", {"v": 5}, {}, True),
    ("in missing", "absent IN (:a)", {"a": 5}, {}, False),

    ("and", "n = :n AND s = :s", {"n": 5, "s": "hello"}, {}, True),
    ("and one", "n = :n AND s = :s", {"n": 5, "s": "x"}, {}, False),
    ("or", "n = :n OR s = :s", {"n": 1, "s": "hello"}, {}, True),
    ("or none", "n = :n OR s = :s", {"n": 1, "s": "x"}, {}, False),
    ("not", "NOT n = :n", {"n": 1}, {}, True),
    ("not missing", "NOT absent = :n", {"n": 1}, {}, True),
    ("not function", "NOT attribute_exists(absent)", {}, {}, True),
    ("not before and", "NOT n = :one AND s = :s", {"one": 1, "s": "x"}, {}, False),
    ("not of parentheses", "NOT (n = :five AND s = :s)", {"five": 5, "s": "x"}, {}, True),
    ("not between", "NOT n BETWEEN :a AND :b", {"a": 1, "b": 2}, {}, True),
    ("not in", "NOT n IN (:a)", {"a": 1}, {}, True),
    ("and before or", "t = :t OR n = :one AND n = :one", {"t": True, "one": 1}, {}, True),
    ("and before or, turned", "n = :one AND n = :one OR t = :t", {"t": True, "one": 1}, {}, True),
    ("parentheses", "(t = :t OR n = :one) AND n = :one", {"t": True, "one": 1}, {}, False),
    ("keywords in small letters", "n between :a and :b or not s in (:s)", {"a": 1, "b": 2, "s": "hello"}, {}, False),
    ("blanks anywhere", " n\t=\n:v ", {"v": 5}, {}, True),
    ("blanks nowhere", "n=:v AND(s=:s)", {"v": 5, "s": "hello"}, {}, True),
    ("names", "#a = :v AND #b.#c.b.c = :w", {"v": 5, "w": 7}, {"#a": "n", "#b": "m", "#c": "a"}, True),
    ("name is not a path", "attribute_exists(#a)", {}, {"#a": "m.a"}, False),
    ("name with index", "#a[0] = :v", {"v": 1}, {"#a": "l"}, True),
    ("name used twice", "#a = :v OR #a = :w", {"v": 1, "w": 5}, {"#a": "n"}, True),
)


def request(expression_name, expression, given, names):
    found = {expression_name: expression}
    if given:
        found["ExpressionAttributeValues"] = values(**given)
    if names:
        found["ExpressionAttributeNames"] = names
    return found


class Conditions(Case):
    schema = "ss"
    written = None

    def setUp(self):
        super().setUp()
        if Conditions.written is None:
            Conditions.written = item(pk=self.pk, sk="1", **SUBJECT)
            client.put_item(TableName=self.table, Item=Conditions.written)

    @rows(*TRUTH)
    def test_condition(self, expression, given, names, holds):
        def change():
            return client.update_item(TableName=self.table, Key={k: self.written[k] for k in ("pk", "sk")},
                                      **request("ConditionExpression", expression, given, names))
        if holds:
            change()
        else:
            with self.refused("ConditionalCheckFailedException", "The conditional request failed"):
                change()

    @rows(*(row for row in TRUTH if "pk" not in row[1]))
    def test_filter(self, expression, given, names, holds):
        asked = request("FilterExpression", expression, {**given, "key": self.written["pk"]["S"]}, names)
        found = client.query(TableName=self.table, KeyConditionExpression="pk = :key", **asked)
        self.assertEqual((found["Count"], found["ScannedCount"]), (1 if holds else 0, 1))


class ConditionalWrites(Case):
    def fails(self):
        return self.refused("ConditionalCheckFailedException", "The conditional request failed")

    def test_put_only_if_new(self):
        once = {"TableName": self.table, "Item": self.key(v=av(1)["N"]), "ConditionExpression": "attribute_not_exists(pk)"}
        client.put_item(**once)
        with self.fails():
            client.put_item(**once)

    def test_put_only_if_there(self):
        with self.fails():
            client.put_item(TableName=self.table, Item=self.key(), ConditionExpression="attribute_exists(pk)")
        self.assertIsNone(self.stored())

    def test_put_by_version(self):
        self.put(version=1)
        newer = {"TableName": self.table, "Item": self.key(version=2), "ConditionExpression": "version = :old",
                 "ExpressionAttributeValues": values(old=1)}
        client.put_item(**newer)
        with self.fails():
            client.put_item(**newer)
        self.assertEqual(self.stored(), {"version": 2})

    def test_delete(self):
        self.put(v=1)
        for wanted, refused in ((2, True), (1, False)):
            call = {"TableName": self.table, "Key": self.key(), "ConditionExpression": "v = :v",
                    "ExpressionAttributeValues": values(v=wanted)}
            if refused:
                with self.fails():
                    client.delete_item(**call)
                self.assertEqual(self.stored(), {"v": 1})
            else:
                client.delete_item(**call)
                self.assertIsNone(self.stored())

    def test_update_of_nothing_fails_and_makes_nothing(self):
        with self.fails():
            client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET v = :v",
                               ConditionExpression="attribute_exists(pk)", ExpressionAttributeValues=values(v=1))
        self.assertIsNone(self.stored())

    def test_update_of_nothing_when_it_need_not_be(self):
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET v = :v",
                           ConditionExpression="attribute_not_exists(v)", ExpressionAttributeValues=values(v=1))
        self.assertEqual(self.stored(), {"v": 1})

    def test_the_condition_sees_the_item_before_the_update(self):
        self.put(v=1)
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET v = v + :one",
                           ConditionExpression="v = :one", ExpressionAttributeValues=values(one=1))
        self.assertEqual(self.stored(), {"v": 2})

    @rows(("put", "PutItem", {}), ("update", "UpdateItem", {"UpdateExpression": "SET w = :w"}), ("delete", "DeleteItem", {}))
    def test_the_old_item_comes_with_the_failure(self, operation, more):
        self.put(v=1, l=[1, 2])
        call = {"TableName": self.table, "ConditionExpression": "v = :w", "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                "ExpressionAttributeValues": values(w=2), **more}
        call["Item" if operation == "PutItem" else "Key"] = self.key()
        answer = raw(operation, call)
        self.check_raw_error(answer, "ConditionalCheckFailedException", "The conditional request failed")
        self.assertEqual(plain_item(answer.json["Item"]), {"pk": self.pk, "v": 1, "l": [1, 2]})

    @rows(("not asked", {}), ("asked for none", {"ReturnValuesOnConditionCheckFailure": "NONE"}))
    def test_the_old_item_does_not_come(self, more):
        self.put(v=1)
        answer = raw("PutItem", {"TableName": self.table, "Item": self.key(), "ConditionExpression": "attribute_not_exists(pk)",
                                 **more})
        self.check_raw_error(answer, "ConditionalCheckFailedException")
        self.assertNotIn("Item", answer.json)

    def test_no_old_item_where_there_is_none(self):
        answer = raw("PutItem", {"TableName": self.table, "Item": self.key(), "ConditionExpression": "attribute_exists(pk)",
                                 "ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
        self.check_raw_error(answer, "ConditionalCheckFailedException")
        self.assertNotIn("Item", answer.json)

    def test_an_unknown_value_of_that_parameter(self):
        answer = raw("PutItem", {"TableName": self.table, "Item": self.key(), "ConditionExpression": "attribute_exists(pk)",
                                 "ReturnValuesOnConditionCheckFailure": "SOME"})
        self.check_raw_error(answer, "ValidationException",
                             re.compile("Value 'SOME' at 'returnValuesOnConditionCheckFailure' failed to satisfy constraint: "
                                        "Member must satisfy enum value set: "))
