#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the DynamoDB API means, case by case, as Debian's boto3 sees it. The cases are in semantics/.

    tests/state/boto3_test.py http://HOST:PORT [unittest arguments, e.g. -v Conditions -k between]

Environment: REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; REPLICA, a second region the server knows;
JUDGE=dynalite when the server is dynalite, JUDGE=handoff when it is dynalite behind a Sealane node.
"""
import subject

subject.main(*("semantics." + name for name in (
    "tables", "indexes", "keys", "numbers", "conditions", "expressions", "updates", "query", "scan", "batch",
    "transactions", "legacy", "capacity", "limits", "streams", "surroundings", "races")))
