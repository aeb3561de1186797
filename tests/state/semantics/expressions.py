# SPDX-License-Identifier: Apache-2.0
"""Expressions that are refused, each with AWS's own sentence; and projections."""
import re

from subject import Case, av, client, item, plain_item, rows, values

V = {"v": 1}
REDUNDANT = "The expression has redundant parentheses;"


def undefined_value(name):
    return f"An expression attribute value used in expression is not defined; attribute value: {name}"


def undefined_name(name):
    return f"An expression attribute name used in the document path is not defined; attribute name: {name}"


def reserved(word):
    return f"Attribute name is a reserved keyword; reserved keyword: {word}"


def operands(function, count):
    return ("Incorrect number of operands for operator or function; "
            f"operator or function: {function}, number of operands: {count}")


def operand_type(function, kind):
    return f"Incorrect operand type for operator or function; operator or function: {function}, operand type: {kind}"


def misused(function):
    return f"The function is not allowed to be used this way in an expression; function: {function}"


def needs_path(function):
    return f"Operator or function requires a document path; operator or function: {function}"


SYNTAX = re.compile("Syntax error; ")

# name, expression, values, names, message after "Invalid ConditionExpression: "
REFUSED_CONDITIONS = (
    ("undefined value", "a = :v AND b = :w", V, {}, undefined_value(":w")),
    ("undefined name", "#a = :v", V, {}, undefined_name("#a")),
    ("reserved", "name = :v", V, {}, reserved("name")),
    ("reserved keeps its case", "Status = :v", V, {}, reserved("Status")),
    ("reserved below", "a.data = :v", V, {}, reserved("data")),
    ("reserved with a prefix is none", "a = :v AND size = :v", V, {}, reserved("size")),
    ("redundant parentheses", "((a = :v))", V, {}, REDUNDANT),
    ("redundant inside", "a = :v AND ((b = :v))", V, {}, REDUNDANT),
    ("unknown function", "foo(a) AND a = :v", V, {}, "Invalid function name; function: foo"),
    ("function names have a case", "Attribute_Exists(a) AND a = :v", V, {}, "Invalid function name; function: Attribute_Exists"),
    ("update function", "if_not_exists(a, :v) = :v", V, {}, re.compile(".*function: if_not_exists$")),
    ("exists of two", "attribute_exists(a, :v)", V, {}, operands("attribute_exists", 2)),
    ("begins of one", "begins_with(a) AND a = :v", V, {}, operands("begins_with", 1)),
    ("contains of three", "contains(a, :v, b)", V, {}, operands("contains", 3)),
    ("size of two", "size(a, b) = :v", V, {}, operands("size", 2)),
    ("type of one", "attribute_type(a) AND a = :v", V, {}, operands("attribute_type", 1)),
    ("exists of a value", "attribute_exists(:v)", V, {}, needs_path("attribute_exists")),
    ("not exists of a value", "attribute_not_exists(:v)", V, {}, needs_path("attribute_not_exists")),
    ("begins with a number", "begins_with(a, :v)", V, {}, operand_type("begins_with", "N")),
    ("begins with a set", "begins_with(a, :v)", {"v": {"x"}}, {}, operand_type("begins_with", "SS")),
    ("type that is a number", "attribute_type(a, :v)", V, {}, operand_type("attribute_type", "N")),
    ("type that is none", "attribute_type(a, :v)", {"v": "X"}, {},
     re.compile(r"^Invalid attribute type name found; type: X, valid types: \{")),
    ("size of a number", "size(:v) = :v", V, {}, operand_type("size", "N")),
    ("size alone", "size(a)", {}, {}, misused("size")),
    ("function compared", "attribute_exists(a) = :v", V, {}, misused("attribute_exists")),
    ("function in function", "contains(begins_with(a, b), :v)", V, {}, misused("begins_with")),
    ("less of truths", "a < :v", {"v": True}, {}, operand_type("<", "BOOL")),
    ("less of lists", "a >= :v", {"v": [1]}, {}, operand_type(">=", "L")),
    ("less of sets", "a < :v", {"v": {"x"}}, {}, operand_type("<", "SS")),
    ("less of nulls", "a > :v", {"v": None}, {}, operand_type(">", "NULL")),
    ("between of two types", "a BETWEEN :a AND :b", {"a": 1, "b": "x"}, {},
     "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: "
     "AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}"),
    ("between turned", "a BETWEEN :a AND :b", {"a": 2, "b": 1}, {},
     "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: "
     "AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"),
    ("same on both sides", "a = a", {}, {},
     "The first operand must be distinct from the remaining operands for this operator or function; operator: =, "
     "first operand: [a]"),
    ("same path on both sides", "a.b[1] > a.b[1]", {}, {},
     "The first operand must be distinct from the remaining operands for this operator or function; operator: >, "
     "first operand: [a, b, [1]]"),
    ("empty", "", {}, {}, "The expression can not be empty;"),
    ("no operator", "a :v", V, {}, SYNTAX),
    ("half", "a =", {}, {}, SYNTAX),
    ("open", "(a = :v", V, {}, SYNTAX),
    ("closed too often", "a = :v)", V, {}, SYNTAX),
    ("two equals", "a == :v", V, {}, SYNTAX),
    ("bang", "a != :v", V, {}, SYNTAX),
    ("chain", "a < :v < b", V, {}, SYNTAX),
    ("literal", "a = 1", {}, {}, SYNTAX),
    ("quoted", "a = 'x'", {}, {}, SYNTAX),
    ("in of nothing", "a IN ()", {}, {}, SYNTAX),
    ("in without parentheses", "a IN :v", V, {}, SYNTAX),
    ("negative index", "a[-1] = :v", V, {}, SYNTAX),
    ("index of a word", "a[b] = :v", V, {}, SYNTAX),
    ("ends with a dot", "a. = :v", V, {}, SYNTAX),
    ("name with a dash", "a-b = :v", V, {}, SYNTAX),
    ("name with a digit first", "1a = :v", V, {}, SYNTAX),
    ("arithmetic", "a + b = :v", V, {}, SYNTAX),
    ("not without operand", "a = :v AND NOT", V, {}, SYNTAX),
)


class RefusedConditions(Case):
    @rows(*REFUSED_CONDITIONS)
    def test_condition(self, expression, given, names, message):
        self.refuses("ConditionExpression", client.delete_item, {"Key": self.key()}, expression, given, names, message)

    @rows(*REFUSED_CONDITIONS)
    def test_filter(self, expression, given, names, message):
        self.refuses("FilterExpression", client.scan, {}, expression, given, names, message)

    def refuses(self, parameter, operation, call, expression, given, names, message):
        call = {"TableName": self.table, parameter: expression, **call}
        if given:
            call["ExpressionAttributeValues"] = values(**given)
        if names:
            call["ExpressionAttributeNames"] = names
        prefix = f"Invalid {parameter}: "
        expected = (prefix + message if isinstance(message, str) else
                    re.compile("^" + re.escape(prefix) + message.pattern.lstrip("^")))
        with self.invalid(expected):
            operation(**call)


class SyntaxErrors(Case):
    @rows(("condition", client.delete_item, "ConditionExpression", "a = = b"),
          ("update", client.update_item, "UpdateExpression", "SET a = = b"),
          ("projection", client.get_item, "ProjectionExpression", "a = b"))
    def test_the_token_and_what_stands_near_it_are_told(self, operation, parameter, expression):
        with self.invalid(re.compile(f'^Invalid {parameter}: Syntax error; token: "=", near: "')):
            operation(TableName=self.table, Key=self.key(), **{parameter: expression})

    def test_the_end_is_a_token(self):
        with self.invalid(re.compile('^Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "')):
            client.delete_item(TableName=self.table, Key=self.key(), ConditionExpression="a =")


class Placeholders(Case):
    @rows(
        ("unused value", {"ConditionExpression": "a = :v", "ExpressionAttributeValues": values(v=1, w=2)},
         "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"),
        ("unused name", {"ConditionExpression": "a = :v", "ExpressionAttributeValues": values(v=1),
                         "ExpressionAttributeNames": {"#q": "q"}},
         "Value provided in ExpressionAttributeNames unused in expressions: keys: {#q}"),
        ("names without expression", {"ExpressionAttributeNames": {"#q": "q"}},
         "ExpressionAttributeNames can only be specified when using expressions"),
        ("values without expression", {"ExpressionAttributeValues": values(v=1)},
         "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null"),
        ("no names", {"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeNames": {}},
         "ExpressionAttributeNames must not be empty"),
        ("no values", {"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeValues": {}},
         "ExpressionAttributeValues must not be empty"),
        ("value without a colon", {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {"v": av(1)}},
         'ExpressionAttributeValues contains invalid key: Syntax error; key: "v"'),
        ("name without a hash", {"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeNames": {"a": "a"}},
         'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'),
        ("only a colon", {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":": av(1)}},
         'ExpressionAttributeValues contains invalid key: Syntax error; key: ":"'),
        ("value that is none", {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": {"N": "x"}}},
         "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :v"),
        ("empty set", {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": {"SS": []}}},
         "ExpressionAttributeValues contains invalid value: One or more parameter values were invalid: "
         "An string set  may not be empty for key :v"),
        ("old and new", {"ConditionExpression": "attribute_exists(a)", "Expected": {"a": {"Exists": False}}},
         "Can not use both expression and non-expression parameters in the same request: "
         "Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}"),
    )
    def test_refused(self, more, message):
        with self.invalid(message):
            client.put_item(TableName=self.table, Item=self.key(), **more)

    def test_names_and_values_of_two_expressions_are_one_pool(self):
        self.put(a=1)
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET #b = :v",
                           ConditionExpression="#a = :v", ExpressionAttributeNames={"#a": "a", "#b": "b"},
                           ExpressionAttributeValues=values(v=1))
        self.assertEqual(self.stored(), {"a": 1, "b": 1})

    def test_a_placeholder_may_be_any_word(self):
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET #SET_1 = :select",
                           ExpressionAttributeNames={"#SET_1": "name"}, ExpressionAttributeValues=values(select=1))
        self.assertEqual(self.stored(), {"name": 1})


class Projections(Case):
    BODY = {"a": 1, "b": {"c": {"d": 2, "e": 3}, "f": 4}, "l": [10, {"x": 1, "y": 2}, [20, 21], 13]}

    @rows(
        ("top", "a", {}, {"a": 1}),
        ("two", "a, b.f", {}, {"a": 1, "b": {"f": 4}}),
        ("deep", "b.c.d", {}, {"b": {"c": {"d": 2}}}),
        ("siblings", "b.c.e, b.c.d", {}, {"b": {"c": {"d": 2, "e": 3}}}),
        ("index", "l[1]", {}, {"l": [{"x": 1, "y": 2}]}),
        ("indexes come together, in the list's order", "l[3], l[0]", {}, {"l": [10, 13]}),
        ("below an index", "l[1].y", {}, {"l": [{"y": 2}]}),
        ("index of an index", "l[2][1]", {}, {"l": [[21]]}),
        ("missing", "q", {}, {}),
        ("missing below", "b.q.r", {}, {}),
        ("missing past the list", "l[9]", {}, {}),
        ("missing and there", "q, a", {}, {"a": 1}),
        ("names", "#a, #b.#c.d", {"#a": "a", "#b": "b", "#c": "c"}, {"a": 1, "b": {"c": {"d": 2}}}),
        ("blanks", " a ,b . f ", {}, {"a": 1, "b": {"f": 4}}),
    )
    def test_get(self, expression, names, expected):
        self.put(**self.BODY)
        call = {"ProjectionExpression": expression, **({"ExpressionAttributeNames": names} if names else {})}
        found = client.get_item(TableName=self.table, Key=self.key(), **call)
        self.assertEqual(plain_item(found["Item"]), expected)

    def test_the_same_in_query_scan_and_batch(self):
        self.put(**self.BODY)
        expected = [{"b": {"f": 4}, "l": [[20, 21]]}]
        call = {"ProjectionExpression": "b.f, l[2]"}
        query = client.query(TableName=self.table, KeyConditionExpression="pk = :pk",
                             ExpressionAttributeValues=values(pk=self.pk), **call)
        scan = client.get_paginator("scan").paginate(TableName=self.table, FilterExpression="pk = :pk",
                                                     ExpressionAttributeValues=values(pk=self.pk), **call).build_full_result()
        batch = client.batch_get_item(RequestItems={self.table: {"Keys": [self.key()], **call}})
        for found in (query["Items"], scan["Items"], batch["Responses"][self.table]):
            self.assertEqual([plain_item(one) for one in found], expected)

    @rows(
        ("same twice", "a, a", "Two document paths overlap with each other; must remove or rewrite one of these paths; "
         "path one: [a], path two: [a]"),
        ("one above the other", "b, b.c", "Two document paths overlap with each other; must remove or rewrite one of these "
         "paths; path one: [b], path two: [b, c]"),
        ("list above", "l[1], l[1].x", "Two document paths overlap with each other; must remove or rewrite one of these "
         "paths; path one: [l, [1]], path two: [l, [1], x]"),
        ("map and list", "b.c, b[0]", "Two document paths conflict with each other; must remove or rewrite one of these "
         "paths; path one: [b, c], path two: [b, [0]]"),
        ("reserved", "a, name", reserved("name")),
        ("undefined name", "#a", undefined_name("#a")),
        ("empty", "", "The expression can not be empty;"),
        ("comma at the end", "a,", SYNTAX),
        ("two words", "a b", SYNTAX),
        ("value", ":a", SYNTAX),
    )
    def test_refused(self, expression, message):
        prefix = "Invalid ProjectionExpression: "
        expected = prefix + message if isinstance(message, str) else re.compile("^" + prefix + message.pattern)
        with self.invalid(expected):
            client.get_item(TableName=self.table, Key=self.key(), ProjectionExpression=expression)

    def test_a_hash_key_is_no_document(self):
        with self.invalid(re.compile("^Key attributes must be scalars; ")):
            client.get_item(TableName=self.table, Key=self.key(), ProjectionExpression="pk.a")

    @rows(*((word, word) for word in ("abort", "Comment", "counter", "DATA", "date", "Hash", "item", "key", "language",
                                      "members", "name", "owner", "path", "role", "session", "state", "status", "time",
                                      "timestamp", "token", "ttl", "TYPE", "user", "uuid", "value", "year", "zone")))
    def test_reserved(self, word):
        if word == "members":  # nearly one
            client.get_item(TableName=self.table, Key=self.key(), ProjectionExpression=word)
            return
        with self.invalid("Invalid ProjectionExpression: " + reserved(word)):
            client.get_item(TableName=self.table, Key=self.key(), ProjectionExpression=word)


class Documents(Case):
    def test_every_type_comes_back_as_it_went(self):
        everything = {"s": "\u00fcber \U0001f600 \x00\x1f\"\\", "e": "", "n": 1, "b": bytes(range(256)), "eb": b"", "t": True,
                      "f": False, "nul": None, "ss": {"a", "", "c"}, "ns": {1, -2}, "bs": {b"", b"\xff"}, "l": [1, [2, [3]], {}],
                      "m": {"x": {"y": [None, True, b"\x00"]}}, "el": [], "em": {}}
        self.put(**everything)
        self.assertEqual(self.stored(), everything)

    def test_names_of_attributes_may_be_anything(self):
        odd = {"a b": 1, "a.b": 2, "a[0]": 3, "#x": 4, ":y": 5, "\u00fc": 6, "'": 7, "name": 8, "n" * 2000: 9}
        self.put(**odd)
        self.assertEqual(self.stored(), odd)

    @rows(("31 lists", 31, True), ("40 lists", 40, False))
    def test_depth(self, levels, fits):
        value = av(1)
        for _ in range(levels):
            value = {"L": [value]}
        call = {"TableName": self.table, "Item": {**self.key(), "deep": value}}
        if fits:
            client.put_item(**call)
        else:
            with self.invalid(re.compile("^Nesting Levels have exceeded supported limits")):
                client.put_item(**call)

    @rows(
        ("no type", {}, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
        ("two types", {"S": "a", "N": "1"}, "Supplied AttributeValue has more than one datatypes set, "
         "must contain exactly one of the supported datatypes"),
        ("null that is false", {"NULL": False}, "One or more parameter values were invalid: "
         "Null attribute value types must have the value of true"),
        ("empty string set", {"SS": []}, "One or more parameter values were invalid: An string set  may not be empty"),
        ("empty number set", {"NS": []}, "One or more parameter values were invalid: An number set  may not be empty"),
        ("empty binary set", {"BS": []}, "One or more parameter values were invalid: Binary sets should not be empty"),
        ("string twice", {"SS": ["a", "b", "a"]},
         "One or more parameter values were invalid: Input collection [a, b, a] contains duplicates."),
        ("number twice", {"NS": ["1", "2", "1"]}, "Input collection contains duplicates"),
        ("number twice in other digits", {"NS": ["1", "1.0"]}, "Input collection contains duplicates"),
        ("binary twice", {"BS": [b"a", b"a"]},
         "One or more parameter values were invalid: Input collection [YQ==, YQ==]of type BS contains duplicates."),
        ("inside a map", {"M": {"a": {"SS": []}}},
         "One or more parameter values were invalid: An string set  may not be empty"),
        ("inside a list", {"L": [{"L": [{}]}]},
         "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"),
    )
    def test_refused(self, value, message):
        with self.invalid(message):
            client.put_item(TableName=self.table, Item={**self.key(), "a": value})

    def test_an_item_is_found_by_its_whole_key_only(self):
        self.put(a=1)
        self.assertEqual(self.stored(), {"a": 1})
        self.assertNotIn("Item", client.get_item(TableName=self.table, Key=item(pk=self.pk + "x")))
