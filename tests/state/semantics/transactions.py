# SPDX-License-Identifier: Apache-2.0
"""TransactWriteItems and TransactGetItems: all or nothing, and the reasons when nothing."""
import re
import uuid

import botocore.exceptions

from subject import Case, Number, client, item, plain_item, raw, rows, shared_table, values

TRANSACTION_MAX = 100
LARGE = "x" * (390 * 1024)
TOO_LARGE = re.compile("4 ?MB")  # AWS tells the limit; its words are not known for certain
FAILED = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
NONE = {"Code": "None"}


def cancelled_message(*codes):
    return f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"


class TransactWrite(Case):
    def one(self, name="", **attributes):
        return item(pk=self.pk + name, **attributes)

    def action(self, kind, name="", **more):
        body = {"TableName": self.table, **more}
        if kind != "Put":
            body["Key"] = self.one(name)
        return {kind: body}

    def at(self, name=""):
        return plain_item(client.get_item(TableName=self.table, Key=self.one(name), ConsistentRead=True).get("Item"))

    def write(self, *actions, **more):
        return client.transact_write_items(TransactItems=list(actions), **more)

    def cancels(self, reasons, *actions):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.write(*actions)
        response = caught.exception.response
        self.assertEqual(response["Error"]["Code"], "TransactionCanceledException", response["Error"])
        self.assertEqual(response["Error"]["Message"], cancelled_message(*(reason["Code"] for reason in reasons)))
        self.assertEqual([{**NONE, **reason} for reason in response["CancellationReasons"]], reasons)

    def test_all_four_kinds(self):
        for name in "udc":
            client.put_item(TableName=self.table, Item=self.one(name, n=1))
        self.write(self.action("Put", Item=self.one("p", n=1), ConditionExpression="attribute_not_exists(pk)"),
                   self.action("Update", "u", UpdateExpression="SET n = n + :one", ExpressionAttributeValues=values(one=1)),
                   self.action("Delete", "d", ConditionExpression="n = :one", ExpressionAttributeValues=values(one=1)),
                   self.action("ConditionCheck", "c", ConditionExpression="#n = :one", ExpressionAttributeNames={"#n": "n"},
                               ExpressionAttributeValues=values(one=1)))
        self.assertEqual([self.at(name).get("n") for name in "pudc"], [1, 2, None, 1])

    @rows(("put", "Put", {}), ("update", "Update", {"UpdateExpression": "SET v = :v", "ExpressionAttributeValues": values(v=LARGE)}))
    def test_more_than_4_megabytes(self, kind, more):
        def actions(count):
            return [self.action(kind, str(n), **(more or {"Item": self.one(str(n), v=LARGE)})) for n in range(count)]
        with self.invalid(TOO_LARGE):
            self.write(*actions(11))
        self.assertEqual(self.at("0"), {})
        self.write(*actions(10))
        self.assertEqual(len(self.at("9")["v"]), len(LARGE))

    def test_two_tables(self):
        self.write(self.action("Put", Item=self.one(v=1)),
                   {"Put": {"TableName": shared_table("ss"), "Item": self.key(sk="1", v=2)}})
        self.assertEqual(self.at()["v"], 1)
        self.assertIn("Item", client.get_item(TableName=shared_table("ss"), Key=self.key(sk="1")))

    @rows(*((kind, kind, more) for kind, more in (
        ("Put", {}), ("Delete", {}), ("ConditionCheck", {}), ("Update", {"UpdateExpression": "REMOVE a"}))))
    def test_one_failed_condition_cancels_all(self, kind, more):
        client.put_item(TableName=self.table, Item=self.one("there", n=1))
        failing = self.action(kind, "there", ConditionExpression="attribute_not_exists(pk)", **more)
        if kind == "Put":
            failing["Put"]["Item"] = self.one("there", n=2)
        self.cancels([NONE, FAILED, NONE], self.action("Put", Item=self.one("a")), failing, self.action("Put", Item=self.one("b")))
        self.assertEqual((self.at("a"), self.at("b"), self.at("there")["n"]), ({}, {}, 1))

    def test_two_failed_conditions_are_both_told(self):
        check = {"ConditionExpression": "attribute_exists(pk)"}
        self.cancels([FAILED, NONE, FAILED], self.action("ConditionCheck", "a", **check), self.action("Put", Item=self.one("b")),
                     self.action("Delete", "c", **check))

    def test_the_old_item_comes_with_the_reason(self):
        client.put_item(TableName=self.table, Item=self.one("there", n=1))
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.write(self.action("Put", Item=self.one("a")),
                       self.action("ConditionCheck", "there", ConditionExpression="n = :two",
                                   ExpressionAttributeValues=values(two=2), ReturnValuesOnConditionCheckFailure="ALL_OLD"))
        reason = caught.exception.response["CancellationReasons"][1]
        self.assertEqual(reason["Item"], self.one("there", n=1))

    def test_a_failing_update_cancels_with_validation_error(self):
        client.put_item(TableName=self.table, Item=self.one("there", s="x"))
        self.cancels([NONE, {"Code": "ValidationError", "Message": "An operand in the update expression has an incorrect data type"}],
                     self.action("Put", Item=self.one("a")),
                     self.action("Update", "there", UpdateExpression="SET s = s + :one", ExpressionAttributeValues=values(one=1)))
        self.assertEqual(self.at("a"), {})

    @rows(("put and delete", "Put", "Delete"), ("update and check", "Update", "ConditionCheck"), ("two puts", "Put", "Put"))
    def test_one_item_twice(self, first, second):
        def make(kind):
            more = {"Put": {"Item": self.one()}, "Update": {"UpdateExpression": "REMOVE a"},
                    "ConditionCheck": {"ConditionExpression": "attribute_not_exists(a)"}, "Delete": {}}[kind]
            return self.action(kind, **more)
        with self.invalid("Transaction request cannot include multiple operations on one item"):
            self.write(make(first), make(second))

    def test_100_at_once(self):
        self.write(*(self.action("Put", Item=self.one(str(n))) for n in range(TRANSACTION_MAX)))
        self.assertEqual(self.at("99"), {"pk": self.pk + "99"})

    def test_101_are_too_many(self):
        with self.invalid(re.compile("at 'transactItems' failed to satisfy constraint: "
                                     "Member must have length less than or equal to 100")):
            self.write(*(self.action("Put", Item=self.one(str(n))) for n in range(TRANSACTION_MAX + 1)))

    def test_none_are_too_few(self):
        with self.invalid(re.compile("at 'transactItems' failed to satisfy constraint: "
                                     "Member must have length greater than or equal to 1")):
            self.write()

    def test_an_action_is_one_thing(self):
        with self.invalid("TransactItems can only contain one of Check, Put, Update or Delete"):
            self.write({**self.action("Put", Item=self.one()), **self.action("Delete")})

    def test_a_check_has_a_condition(self):
        with self.invalid(re.compile("onditionExpression")):
            self.write(self.action("ConditionCheck"))

    def test_no_table(self):
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            self.write({"Put": {"TableName": "sealane_nowhere", "Item": self.one()}})

    def test_a_wrong_expression_is_refused_before_all(self):
        with self.invalid(re.compile("Attribute name is a reserved keyword; reserved keyword: name")):
            self.write(self.action("Update", UpdateExpression="SET name = :v", ExpressionAttributeValues=values(v=1)))

    def test_four_mebibytes_are_too_many(self):
        with self.invalid():
            self.write(*(self.action("Put", Item=self.one(str(n), body="x" * 390_000)) for n in range(11)))

    def test_consumed_capacity_is_twofold(self):
        answer = self.write(self.action("Put", Item=self.one()), ReturnConsumedCapacity="TOTAL")
        self.assertEqual([(one["TableName"], one["CapacityUnits"]) for one in answer["ConsumedCapacity"]], [(self.table, 2)])


class Idempotency(Case):
    def increment(self, token, by=1):
        return client.transact_write_items(ClientRequestToken=token, TransactItems=[{"Update": {
            "TableName": self.table, "Key": self.key(), "UpdateExpression": "ADD n :by",
            "ExpressionAttributeValues": values(by=by)}}])

    def test_the_same_token_acts_once(self):
        token = str(uuid.uuid4())
        for _ in range(3):
            self.increment(token)
        self.assertEqual(self.stored(), {"n": 1})
        self.increment(str(uuid.uuid4()))
        self.assertEqual(self.stored(), {"n": 2})

    def test_the_same_token_with_something_else(self):
        token = str(uuid.uuid4())
        self.increment(token)
        with self.refused("IdempotentParameterMismatchException"):
            self.increment(token, by=5)
        self.assertEqual(self.stored(), {"n": 1})

    def test_a_cancelled_transaction_leaves_its_token_free(self):
        token, guarded = str(uuid.uuid4()), [{"ConditionCheck": {
            "TableName": self.table, "Key": self.key(), "ConditionExpression": "attribute_exists(pk)"}}]
        with self.refused("TransactionCanceledException"):
            client.transact_write_items(ClientRequestToken=token, TransactItems=guarded)
        self.put()
        client.transact_write_items(ClientRequestToken=token, TransactItems=guarded)

    def test_the_order_of_members_does_not_matter(self):
        token = str(uuid.uuid4())
        for order in (list, reversed):
            put = dict(order((("TableName", self.table), ("Item", dict(order(self.key(a=1, b=2).items()))))))
            client.transact_write_items(ClientRequestToken=token, TransactItems=[{"Put": put}])

    def test_without_a_token_each_acts(self):
        call = {"TransactItems": [{"Update": {"TableName": self.table, "Key": self.key(), "UpdateExpression": "ADD n :one",
                                              "ExpressionAttributeValues": values(one=1)}}]}
        for _ in range(2):  # botocore would make up a token of its own
            self.assertEqual(raw("TransactWriteItems", call).status, 200)
        self.assertEqual(self.stored(), {"n": 2})

    def test_a_long_token(self):
        with self.invalid(re.compile("at 'clientRequestToken' failed to satisfy constraint: "
                                     "Member must have length less than or equal to 36")):
            self.increment("x" * 37)


class TransactGet(Case):
    def read(self, *gets, **more):
        return client.transact_get_items(TransactItems=[{"Get": {"TableName": self.table, **one}} for one in gets], **more)

    def test_in_the_order_asked(self):
        for name in "ab":
            client.put_item(TableName=self.table, Item=item(pk=self.pk + name, v=name, w=1))
        found = self.read({"Key": item(pk=self.pk + "b")}, {"Key": item(pk=self.pk + "x")},
                          {"Key": item(pk=self.pk + "a"), "ProjectionExpression": "#v", "ExpressionAttributeNames": {"#v": "v"}})
        self.assertEqual([plain_item(one.get("Item")) for one in found["Responses"]],
                         [{"pk": self.pk + "b", "v": "b", "w": 1}, {}, {"v": "a"}])
        self.assertNotIn("Item", found["Responses"][1])

    def test_one_item_twice(self):
        with self.invalid("Transaction request cannot include multiple operations on one item"):
            self.read({"Key": self.key()}, {"Key": self.key()})

    def test_101_are_too_many(self):
        with self.invalid(re.compile("at 'transactItems' failed to satisfy constraint: "
                                     "Member must have length less than or equal to 100")):
            self.read(*({"Key": item(pk=str(n))} for n in range(TRANSACTION_MAX + 1)))

    def test_more_than_4_megabytes(self):
        keys = [item(pk=self.pk + str(n)) for n in range(11)]
        for key in keys:
            client.put_item(TableName=self.table, Item={**key, **item(v=LARGE)})
        with self.invalid(TOO_LARGE):
            self.read(*({"Key": key} for key in keys))
        self.assertEqual(len(self.read(*({"Key": key} for key in keys[:10]))["Responses"]), 10)

    def test_no_table(self):
        with self.refused("ResourceNotFoundException", "Requested resource not found"):
            client.transact_get_items(TransactItems=[{"Get": {"TableName": "sealane_nowhere", "Key": self.key()}}])

    def test_another_key(self):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.read({"Key": item(pk=Number("1"))})
        self.assertIn(caught.exception.response["Error"]["Code"], ("ValidationException", "TransactionCanceledException"))

    def test_consumed_capacity_is_twofold(self):
        self.put(v=1)
        answer = self.read({"Key": self.key()}, ReturnConsumedCapacity="TOTAL")
        self.assertEqual([one["CapacityUnits"] for one in answer["ConsumedCapacity"]], [2])
