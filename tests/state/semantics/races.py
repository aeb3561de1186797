# SPDX-License-Identifier: Apache-2.0
"""Many writers at once: what one item and one transaction promise holds between them too."""
import concurrent.futures

import botocore.exceptions

from subject import Case, client, item, plain_item, rows, shared_table, values

WRITERS = 8
ROUNDS = 25


def at_once(work, count=WRITERS):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def code_of(call):
    """None when the call went through, else the code of its error."""
    try:
        call()
        return None
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


class Races(Case):
    @rows(("ADD", "ADD n :one"), ("SET", "SET n = if_not_exists(n, :zero) + :one"))
    def test_no_increment_is_lost(self, expression):
        given = values(one=1, **({"zero": 0} if ":zero" in expression else {}))

        def write(_):
            for _ in range(ROUNDS):
                client.update_item(TableName=self.table, Key=self.key(), UpdateExpression=expression, ExpressionAttributeValues=given)
        at_once(write)
        self.assertEqual(self.stored(), {"n": WRITERS * ROUNDS})

    def test_no_turn_of_a_list_is_lost(self):
        def write(writer):
            for turn in range(ROUNDS):
                client.update_item(TableName=self.table, Key=self.key(), ExpressionAttributeValues=values(e=[], v=[[writer, turn]]),
                                   UpdateExpression="SET turns = list_append(if_not_exists(turns, :e), :v)")
        at_once(write)
        turns = self.stored()["turns"]
        self.assertCountEqual(turns, [[writer, turn] for writer in range(WRITERS) for turn in range(ROUNDS)])
        for writer in range(WRITERS):  # and each writer's own are in its order
            self.assertEqual([turn for who, turn in turns if who == writer], list(range(ROUNDS)))

    def test_one_of_many_takes_a_name(self):
        for number in range(ROUNDS):
            codes = at_once(lambda writer: code_of(lambda: client.put_item(
                TableName=self.table, Item=item(pk=f"{self.pk}{number}", writer=writer),
                ConditionExpression="attribute_not_exists(pk)")))
            self.assertEqual(sorted(map(str, codes)), ["ConditionalCheckFailedException"] * (WRITERS - 1) + ["None"])

    def test_versions_go_up_by_one(self):
        self.put(version=0)

        def write(_):
            done = 0
            while done < 5:
                version = self.stored()["version"]
                done += code_of(lambda: client.update_item(
                    TableName=self.table, Key=self.key(), UpdateExpression="SET version = :next", ConditionExpression="version = :now",
                    ExpressionAttributeValues=values(now=version, next=version + 1))) is None
        at_once(write, 4)
        self.assertEqual(self.stored(), {"version": 20})

    def test_a_reader_never_sees_half_an_item(self):
        def work(writer):
            for number in range(ROUNDS * 2):
                if writer % 2:
                    value = f"{writer}-{number}"
                    self.put(a=value, b=value)
                elif seen := self.stored():
                    self.assertEqual(seen["a"], seen["b"])
        at_once(work)


class RacesOfTransactions(Case):
    """Coins move between accounts: none is made and none is lost, and no reader sees one in two purses."""
    ACCOUNTS, COINS = 4, 100

    def test_coins(self):
        table = shared_table("ss")
        keys = [self.key(sk=str(n)) for n in range(self.ACCOUNTS)]
        for key in keys:
            client.put_item(TableName=table, Item={**key, **item(coins=self.COINS)})

        def move(source, target):
            def step(key, expression, **more):
                return {"Update": {"TableName": table, "Key": key, "UpdateExpression": expression,
                                   "ExpressionAttributeValues": values(one=1), **more}}
            return code_of(lambda: client.transact_write_items(TransactItems=[
                step(source, "SET coins = coins - :one", ConditionExpression="coins >= :one"), step(target, "ADD coins :one")]))

        moved = []

        def work(worker):
            for number in range(ROUNDS):
                if worker % 2:
                    one, other = (worker + number) % self.ACCOUNTS, (worker + number * 3 + 1) % self.ACCOUNTS
                    if one != other:
                        # Who meets another on an item may be told to try again.
                        moved.append(move(keys[one], keys[other]))
                        self.assertIn(moved[-1], (None, "TransactionCanceledException"))
                    continue
                try:
                    found = client.transact_get_items(TransactItems=[{"Get": {"TableName": table, "Key": key}} for key in keys])
                    self.assertEqual(sum(plain_item(one["Item"])["coins"] for one in found["Responses"]), self.ACCOUNTS * self.COINS)
                except client.exceptions.TransactionCanceledException:
                    pass
        at_once(work)
        coins = [plain_item(client.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"])["coins"] for key in keys]
        self.assertEqual(sum(coins), self.ACCOUNTS * self.COINS)
        self.assertIn(None, moved)  # not all were cancelled
