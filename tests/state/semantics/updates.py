# SPDX-License-Identifier: Apache-2.0
"""UpdateItem: every action, what it makes of the item, and what it refuses."""
import re

from subject import Case, Number, av, client, item, plain_item, rows, values

START = {"n": 5, "s": "hello", "l": [1, 2, 3], "m": {"a": {"b": 1}, "k": 2}, "ss": {"a", "b"}, "ns": {1, 2}, "bs": {b"x"},
         "t": True, "nul": None}
PATH_INVALID = "The document path provided in the update expression is invalid for update"
NOT_THERE = "The provided expression refers to an attribute that does not exist in the item"
WRONG_TYPE = "An operand in the update expression has an incorrect data type"

# name, expression, values, what is otherwise than START afterwards (None: gone)
CHANGES = (
    ("set", "SET a = :v", {"v": 1}, {"a": 1}),
    ("set over", "SET s = :v", {"v": 1}, {"s": 1}),
    ("set two", "SET a = :v, b = :v", {"v": 1}, {"a": 1, "b": 1}),
    ("set from another", "SET a = s", {}, {"a": "hello"}),
    ("set swaps", "SET n = s, s = n", {}, {"n": "hello", "s": 5}),
    ("set from nested", "SET a = m.a.b", {}, {"a": 1}),
    ("set nested", "SET m.a.b = :v", {"v": "x"}, {"m": {"a": {"b": "x"}, "k": 2}}),
    ("set new nested", "SET m.q = :v", {"v": "x"}, {"m": {"a": {"b": 1}, "k": 2, "q": "x"}}),
    ("set two nested", "SET m.q = :v, m.a.b = :v", {"v": 0}, {"m": {"a": {"b": 0}, "k": 2, "q": 0}}),
    ("set in a list", "SET l[1] = :v", {"v": "x"}, {"l": [1, "x", 3]}),
    ("set past a list appends", "SET l[7] = :v", {"v": "x"}, {"l": [1, 2, 3, "x"]}),
    ("set past a list twice", "SET l[9] = :a, l[7] = :b", {"a": "a", "b": "b"}, {"l": [1, 2, 3, "b", "a"]}),
    ("set every type", "SET a = :v", {"v": [None, True, b"x", {"q": {"1"}}]}, {"a": [None, True, b"x", {"q": {"1"}}]}),

    ("plus", "SET n = n + :v", {"v": 3}, {"n": 8}),
    ("minus", "SET n = n - :v", {"v": 8}, {"n": -3}),
    ("plus of values", "SET a = :v + :w", {"v": 1, "w": 2}, {"a": 3}),
    ("plus of attributes", "SET a = n + m.k", {}, {"a": 7}),
    ("plus in a list", "SET l[0] = l[0] + :v", {"v": 10}, {"l": [11, 2, 3]}),
    ("plus of what may be missing", "SET c = if_not_exists(c, :zero) + :one", {"zero": 0, "one": 1}, {"c": 1}),
    ("plus of what is there", "SET n = if_not_exists(n, :zero) + :one", {"zero": 0, "one": 1}, {"n": 6}),
    ("plus of a fraction", "SET n = n + :v", {"v": Number("0.1")}, {"n": Number("5.1")}),

    ("if not exists, missing", "SET a = if_not_exists(a, :v)", {"v": 1}, {"a": 1}),
    ("if not exists, there", "SET s = if_not_exists(s, :v)", {"v": 1}, {}),
    ("if not exists, null is there", "SET nul = if_not_exists(nul, :v)", {"v": 1}, {}),
    ("if not exists of another", "SET a = if_not_exists(s, :v)", {"v": 1}, {"a": "hello"}),
    ("if not exists, path as default", "SET a = if_not_exists(q, s)", {}, {"a": "hello"}),
    ("if not exists nested", "SET m.z = if_not_exists(m.q, :v)", {"v": 1}, {"m": {"a": {"b": 1}, "k": 2, "z": 1}}),
    ("if not exists in itself", "SET a = if_not_exists(q, if_not_exists(r, :v))", {"v": 1}, {"a": 1}),

    ("append", "SET l = list_append(l, :v)", {"v": [4]}, {"l": [1, 2, 3, 4]}),
    ("prepend", "SET l = list_append(:v, l)", {"v": [0]}, {"l": [0, 1, 2, 3]}),
    ("append itself", "SET l = list_append(l, l)", {}, {"l": [1, 2, 3, 1, 2, 3]}),
    ("append nothing", "SET l = list_append(l, :v)", {"v": []}, {}),
    ("append to what may be missing", "SET h = list_append(if_not_exists(h, :e), :v)", {"e": [], "v": [1]}, {"h": [1]}),
    ("append to what is there", "SET l = list_append(if_not_exists(l, :e), :v)", {"e": [], "v": [4]}, {"l": [1, 2, 3, 4]}),
    ("append of values", "SET a = list_append(:v, :w)", {"v": [1], "w": [2]}, {"a": [1, 2]}),

    ("remove", "REMOVE s", {}, {"s": None}),
    ("remove two", "REMOVE s, n", {}, {"s": None, "n": None}),
    ("remove missing", "REMOVE q", {}, {}),
    ("remove nested", "REMOVE m.a.b", {}, {"m": {"a": {}, "k": 2}}),
    ("remove missing nested", "REMOVE m.q", {}, {}),
    ("remove from a list", "REMOVE l[0]", {}, {"l": [2, 3]}),
    ("remove two from a list", "REMOVE l[0], l[1]", {}, {"l": [3]}),
    ("remove two from a list, turned", "REMOVE l[2], l[0]", {}, {"l": [2]}),
    ("remove past a list", "REMOVE l[9]", {}, {}),
    ("remove the last element", "REMOVE l[0], l[1], l[2]", {}, {"l": []}),

    ("add to a number", "ADD n :v", {"v": 3}, {"n": 8}),
    ("add a negative", "ADD n :v", {"v": -8}, {"n": -3}),
    ("add to nothing", "ADD c :v", {"v": 3}, {"c": 3}),
    ("add to nothing nested", "ADD m.c :v", {"v": 3}, {"m": {"a": {"b": 1}, "k": 2, "c": 3}}),
    ("add to a nested", "ADD m.a.b :v", {"v": 3}, {"m": {"a": {"b": 4}, "k": 2}}),
    ("add to a string set", "ADD ss :v", {"v": {"b", "c"}}, {"ss": {"a", "b", "c"}}),
    ("add to a number set", "ADD ns :v", {"v": {2, 3}}, {"ns": {1, 2, 3}}),
    ("add to a binary set", "ADD bs :v", {"v": {b"y"}}, {"bs": {b"x", b"y"}}),
    ("add makes a set", "ADD q :v", {"v": {"x"}}, {"q": {"x"}}),
    ("add two", "ADD n :v, c :v", {"v": 1}, {"n": 6, "c": 1}),
    ("delete from a set", "DELETE ss :v", {"v": {"a", "z"}}, {"ss": {"b"}}),
    ("delete from a number set", "DELETE ns :v", {"v": {1}}, {"ns": {2}}),
    ("delete the whole set", "DELETE ss :v", {"v": {"a", "b"}}, {"ss": None}),
    ("delete from nothing", "DELETE q :v", {"v": {"a"}}, {}),
    ("delete from a number set by value", "DELETE ns :v", {"v": {Number("1.0")}}, {"ns": {2}}),

    ("all four", "SET a = :n REMOVE s ADD n :n DELETE ss :s", {"n": 1, "s": {"a"}}, {"a": 1, "s": None, "n": 6, "ss": {"b"}}),
    ("sections in any order", "REMOVE s SET a = s", {}, {"s": None, "a": "hello"}),
    ("keywords in small letters", "set a = :n remove s add n :n delete ss :s", {"n": 1, "s": {"a"}},
     {"a": 1, "s": None, "n": 6, "ss": {"b"}}),
    ("blanks nowhere", "SET a=:v,b=:v-:v", {"v": 1}, {"a": 1, "b": 0}),
    ("what is read is what was before", "SET n = :v, a = n", {"v": 100}, {"n": 100, "a": 5}),
    ("two elements of one list", "SET l[0] = l[2], l[2] = l[0]", {}, {"l": [3, 2, 1]}),
)


def twice(one, two, word="overlap"):
    return (f"Invalid UpdateExpression: Two document paths {word} with each other; must remove or rewrite one of these paths; "
            f"path one: {one}, path two: {two}")


def invalid_expression(text):
    return "Invalid UpdateExpression: " + text


def wrong_operand(operator, kind):
    # AWS adds the set of types that would do; older servers do not.
    said = f"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: {operator}, operand type: {kind}"
    return re.compile("^" + re.escape(said) + "(EAN)?(, typeSet: ALLOWED_FOR_ADD_OPERAND)?$")


SYNTAX = re.compile("^Invalid UpdateExpression: Syntax error; ")

REFUSED = (
    ("same path twice", "SET a = :v, a = :v", {"v": 1}, twice("[a]", "[a]")),
    ("above and below", "SET m = :v, m.a = :v", {"v": 1}, twice("[m]", "[m, a]")),
    ("set and remove", "SET a = :v REMOVE a", {"v": 1}, twice("[a]", "[a]")),
    ("map and list", "SET m.a = :v, m[0] = :v", {"v": 1}, twice("[m, a]", "[m, [0]]", "conflict")),
    ("section twice", "SET a = :v SET b = :v", {"v": 1},
     invalid_expression('The "SET" section can only be used once in an update expression;')),
    ("remove twice", "REMOVE a REMOVE b", {}, invalid_expression('The "REMOVE" section can only be used once in an update '
                                                                  'expression;')),
    ("unknown function", "SET a = foo(:v)", {"v": 1}, invalid_expression("Invalid function name; function: foo")),
    ("function of conditions", "SET a = size(s)", {}, re.compile("^Invalid UpdateExpression: .*; function: size$")),
    ("append of one", "SET a = list_append(l)", {}, invalid_expression(
        "Incorrect number of operands for operator or function; operator or function: list_append, number of operands: 1")),
    ("if not exists of one", "SET a = if_not_exists(a)", {}, invalid_expression(
        "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1")),
    ("if not exists of a value", "SET a = if_not_exists(:v, :v)", {"v": 1}, invalid_expression(
        "Operator or function requires a document path; operator or function: if_not_exists")),
    ("append a number", "SET l = list_append(l, :v)", {"v": 1}, invalid_expression(
        "Incorrect operand type for operator or function; operator or function: list_append, operand type: N")),
    ("plus a string", "SET n = n + :v", {"v": "x"}, invalid_expression(
        "Incorrect operand type for operator or function; operator or function: +, operand type: S")),
    ("minus a list", "SET n = n - :v", {"v": []}, invalid_expression(
        "Incorrect operand type for operator or function; operator or function: -, operand type: L")),
    ("add a string", "ADD n :v", {"v": "x"}, wrong_operand("ADD", "STRING")),
    ("add a list", "ADD l :v", {"v": [1]}, wrong_operand("ADD", "LIST")),
    ("add a map", "ADD m :v", {"v": {}}, wrong_operand("ADD", "MAP")),
    ("add a truth", "ADD t :v", {"v": True}, wrong_operand("ADD", "BOOL")),
    ("delete a number", "DELETE n :v", {"v": 1}, wrong_operand("DELETE", "NUMBER")),
    ("delete a string", "DELETE ss :v", {"v": "a"}, wrong_operand("DELETE", "STRING")),
    ("undefined value", "SET a = :q", {}, invalid_expression(
        "An expression attribute value used in expression is not defined; attribute value: :q")),
    ("undefined name", "SET #q = :v", {"v": 1}, invalid_expression(
        "An expression attribute name used in the document path is not defined; attribute name: #q")),
    ("reserved", "SET name = :v", {"v": 1}, invalid_expression("Attribute name is a reserved keyword; reserved keyword: name")),
    ("reserved on the right", "SET a = count", {}, invalid_expression(
        "Attribute name is a reserved keyword; reserved keyword: count")),
    ("empty", "", {}, invalid_expression("The expression can not be empty;")),
    ("no section", "a = :v", {"v": 1}, SYNTAX),
    ("empty section", "SET", {}, SYNTAX),
    ("comma at the end", "SET a = :v,", {"v": 1}, SYNTAX),
    ("no comma", "SET a = :v b = :v", {"v": 1}, SYNTAX),
    ("three operands", "SET a = :v + :v + :v", {"v": 1}, SYNTAX),
    ("times", "SET a = n * :v", {"v": 1}, SYNTAX),
    ("add with equals", "ADD n = :v", {"v": 1}, SYNTAX),
    ("add a path", "ADD n m.k", {}, SYNTAX),
    ("remove with a value", "REMOVE a :v", {"v": 1}, SYNTAX),
    ("set a literal", "SET a = 1", {}, SYNTAX),

    ("from missing", "SET a = q", {}, NOT_THERE),
    ("plus missing", "SET a = q + :v", {"v": 1}, NOT_THERE),
    ("append to missing", "SET a = list_append(q, :v)", {"v": [1]}, NOT_THERE),
    ("below missing", "SET q.a = :v", {"v": 1}, PATH_INVALID),
    ("below a scalar", "SET s.a = :v", {"v": 1}, PATH_INVALID),
    ("index of a map", "SET m[0] = :v", {"v": 1}, PATH_INVALID),
    ("member of a list", "SET l.a = :v", {"v": 1}, PATH_INVALID),
    ("index of missing", "SET q[0] = :v", {"v": 1}, PATH_INVALID),
    ("remove below missing", "REMOVE q.a", {}, PATH_INVALID),
    ("remove below a scalar", "REMOVE s.a", {}, PATH_INVALID),
    ("plus a string attribute", "SET a = s + :v", {"v": 1}, WRONG_TYPE),
    ("append to a string attribute", "SET a = list_append(s, :v)", {"v": [1]}, WRONG_TYPE),
    ("add a number to a string", "ADD s :v", {"v": 1}, WRONG_TYPE),
    ("add a set to a number", "ADD n :v", {"v": {"x"}}, WRONG_TYPE),
    ("add numbers to strings", "ADD ss :v", {"v": {1}}, WRONG_TYPE),
    ("delete numbers from strings", "DELETE ss :v", {"v": {1}}, WRONG_TYPE),
    ("delete from a number", "DELETE n :v", {"v": {1}}, WRONG_TYPE),
    ("set the key", "SET pk = :v", {"v": "x"},
     "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"),
    ("remove the key", "REMOVE pk", {},
     "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key"),
    ("plus overflows", "SET n = :v + :v", {"v": Number("9e125")},
     "Number overflow. Attempting to store a number with magnitude larger than supported range"),
    ("add overflows", "ADD big :v", {"v": Number("1e126")},
     re.compile("Number overflow. Attempting to store a number with magnitude larger than supported range")),
)


class Updates(Case):
    @rows(*CHANGES)
    def test_change(self, expression, given, changed):
        self.put(**START)
        self.update(expression, given)
        expected = {name: value for name, value in {**START, **changed}.items() if value is not None or name == "nul"}
        self.assertEqual(av(self.stored()), av(expected))

    @rows(*REFUSED)
    def test_refused(self, expression, given, message):
        self.put(**START)
        with self.invalid(message):
            self.update(expression, given)
        self.assertEqual(self.stored(), START)

    def update(self, expression, given):
        more = {"ExpressionAttributeValues": values(**given)} if given else {}
        client.update_item(TableName=self.table, Key=self.key(), UpdateExpression=expression, **more)

    @rows(("set", "SET a = :v", {"v": 1}, {"a": 1}), ("add", "ADD a :v", {"v": 1}, {"a": 1}))
    def test_an_item_is_made_where_there_was_none(self, expression, given, expected):
        self.update(expression, given)
        self.assertEqual(self.stored(), expected)

    def test_without_an_expression_the_key_is_made(self):
        client.update_item(TableName=self.table, Key=self.key())
        self.assertEqual(self.stored(), {})

    def test_a_counter_of_many_steps(self):
        for _ in range(20):
            self.update("ADD hits :one", {"one": 1})
        self.assertEqual(self.stored(), {"hits": 20})

    def test_a_list_keeps_the_order_of_its_turns(self):
        for turn in range(10):
            self.update("SET turns = list_append(if_not_exists(turns, :none), :turn)", {"none": [], "turn": [{"text": str(turn)}]})
        self.assertEqual(self.stored(), {"turns": [{"text": str(turn)} for turn in range(10)]})


class UpdateReturns(Case):
    @rows(
        ("nothing asked", None, None),
        ("NONE", "NONE", None),
        ("ALL_OLD", "ALL_OLD", {"a": 1, "b": 2, "m": {"x": 1, "y": 2}, "l": [1, 2]}),
        ("UPDATED_OLD", "UPDATED_OLD", {"a": 1, "b": 2, "m": {"x": 1}, "l": [2]}),
        ("ALL_NEW", "ALL_NEW", {"a": 10, "c": 3, "m": {"x": 5, "y": 2}, "l": [1, 7]}),
        ("UPDATED_NEW", "UPDATED_NEW", {"a": 10, "c": 3, "m": {"x": 5}, "l": [7]}),
    )
    def test_returns(self, asked, expected):
        self.put(a=1, b=2, m={"x": 1, "y": 2}, l=[1, 2])
        more = {"ReturnValues": asked} if asked else {}
        answer = client.update_item(
            TableName=self.table, Key=self.key(), UpdateExpression="SET a = :a, c = :c, m.x = :x, l[1] = :l REMOVE b",
            ExpressionAttributeValues=values(a=10, c=3, x=5, l=7), **more)
        if expected is None:
            self.assertNotIn("Attributes", answer)
            return
        if asked.startswith("ALL"):
            expected = {"pk": self.pk, **expected}
        self.assertEqual(plain_item(answer["Attributes"]), expected)

    @rows(("ALL_OLD", None), ("UPDATED_OLD", None), ("ALL_NEW", {"a": 1}), ("UPDATED_NEW", {"a": 1}))
    def test_returns_of_a_new_item(self, expected):
        asked = self.id().rpartition("__")[2]
        answer = client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET a = :a",
                                    ExpressionAttributeValues=values(a=1), ReturnValues=asked)
        if expected is None:
            self.assertNotIn("Attributes", answer)
        else:
            expected = {"pk": self.pk, **expected} if asked == "ALL_NEW" else expected
            self.assertEqual(plain_item(answer["Attributes"]), expected)

    def test_updated_old_has_nothing_of_what_was_not_there(self):
        self.put(a=1)
        answer = client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET a = :v, b = :v",
                                    ExpressionAttributeValues=values(v=2), ReturnValues="UPDATED_OLD")
        self.assertEqual(plain_item(answer["Attributes"]), {"a": 1})

    def test_updated_new_has_nothing_of_what_is_gone(self):
        self.put(a=1, b=1)
        answer = client.update_item(TableName=self.table, Key=self.key(), UpdateExpression="SET a = :v REMOVE b",
                                    ExpressionAttributeValues=values(v=2), ReturnValues="UPDATED_NEW")
        self.assertEqual(plain_item(answer["Attributes"]), {"a": 2})

    @rows(("ALL_OLD", client.put_item, "Item"), ("ALL_OLD of delete", client.delete_item, "Key"))
    def test_put_and_delete_give_the_old_item(self, operation, parameter):
        self.put(a=1, l=[1])
        call = {"TableName": self.table, parameter: self.key(), "ReturnValues": "ALL_OLD"}
        self.assertEqual(plain_item(operation(**call)["Attributes"]), {"pk": self.pk, "a": 1, "l": [1]})
        client.delete_item(TableName=self.table, Key=self.key())
        self.assertNotIn("Attributes", operation(**call))

    @rows(*((f"{name} {asked}", operation, parameter, asked)
            for name, operation, parameter in (("put", client.put_item, "Item"), ("delete", client.delete_item, "Key"))
            for asked in ("ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")))
    def test_put_and_delete_give_no_other(self, operation, parameter, asked):
        with self.invalid("ReturnValues can only be ALL_OLD or NONE"):
            operation(**{"TableName": self.table, parameter: self.key(), "ReturnValues": asked})

    def test_an_unknown_value(self):
        with self.invalid("1 validation error detected: Value 'EVERYTHING' at 'returnValues' failed to satisfy constraint: "
                          "Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]"):
            client.update_item(TableName=self.table, Key=self.key(), ReturnValues="EVERYTHING")


class UpdatesOfKeysOfIndexes(Case):
    schema = "indexed"

    @rows(("other type", "SET g = :v", {"v": 1}), ("empty string", "SET g = :v", {"v": ""}))
    def test_refused(self, expression, given):
        with self.invalid():
            client.update_item(TableName=self.table, Key=self.key(sk="1"), UpdateExpression=expression,
                               ExpressionAttributeValues=values(**given))

    def test_they_may_come_and_go(self):
        for expression, given, found in (("SET g = :g, h = :h", {"g": self.pk, "h": 1}, 1), ("SET h = :h", {"h": 2}, 1),
                                         ("REMOVE g", {}, 0)):
            more = {"ExpressionAttributeValues": values(**given)} if given else {}
            client.update_item(TableName=self.table, Key=self.key(sk="1"), UpdateExpression=expression, **more)
            answer = client.query(TableName=self.table, IndexName="gsi_all", KeyConditionExpression="g = :g",
                                  ExpressionAttributeValues=values(g=self.pk))
            self.assertEqual(answer["Count"], found, expression)
            if found:
                self.assertEqual(plain_item(answer["Items"][0]),
                                 plain_item(client.get_item(TableName=self.table, Key=item(pk=self.pk, sk="1"))["Item"]))
