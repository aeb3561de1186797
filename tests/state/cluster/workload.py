# SPDX-License-Identifier: Apache-2.0
"""Users of the tables in every region, what they saw, and whether that may be.

Users keep a session each, turn to any region, and go on in another one with the token that the last answer gave them. They
append to conversations, put, change and delete items that others write too, and read. After every answer stands what it
must not contradict later:

    1  what was acknowledged is there in the end, once, and nothing is there that nobody wrote
    2  in the end all regions hold the same bytes
    3  an answer that is not marked as stale shows all that its session had seen or written
    4  what a session appended after something that it had seen stands behind it
"""
import contextlib
import json
import random
import threading
import time

from state.cluster.client import NO_ANSWER, Refused

# Conversations whose appends wait for this region only, and for a second one; items by attribute and as a whole.
TABLES = ("{ name: talks, key: { id: S }, merge: conversation }",
          "{ name: vows, key: { id: S }, merge: conversation, ack: remote }",
          "{ name: notes, key: { id: S } }",
          "{ name: plain, key: { id: S }, merge: item }")
TALKS, VOWS = "talks", "vows"
ALL_TABLES = (TALKS, VOWS, "notes", "plain")
KEYS = 6            # few, so that regions meet on them
SESSIONS = 12
TALKERS, VOWERS = 3, 2  # users at a time in each region
PAUSE_S = 0.05      # between two requests of one user, at most
VOW_TIMEOUT_S = 8   # a node answers after 5 s that no other region has confirmed


class Session:
    """One user's; with one user at a time."""

    def __init__(self, number):
        self.number = number
        self.token = None
        self.seen = {}      # (table, key): elements that it read or wrote


class Conversation:
    def __init__(self):
        self.attempted = set()
        self.acknowledged = {}  # element: the region that acknowledged it
        self.behind = {}        # element: what its writer had seen when it was appended


class Workload:
    def __init__(self, cluster, seed):
        self.cluster, self.seed = cluster, seed
        self.talks = {(table, f"k{k}"): Conversation() for table in (TALKS, VOWS) for k in range(KEYS)}
        self.broken = []
        self.history = []       # (seconds, what)
        self.counts = {}
        self._begin = time.monotonic()
        self._mutex = threading.Lock()
        self._sessions = [Session(n) for n in range(SESSIONS)]
        self._element = 0
        self._threads, self._stopped = [], threading.Event()

    # ── running ──

    def start(self, regions):
        self._stopped = threading.Event()
        for region in regions:
            for number in range(TALKERS + VOWERS):
                table = TALKS if number < TALKERS else VOWS
                thread = threading.Thread(target=self._run, args=(region, table, f"{self.seed}/{region}/{number}"))
                thread.start()
                self._threads.append(thread)

    def stop(self):
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def note(self, what):
        with self._mutex:
            self.history.append((time.monotonic() - self._begin, what))

    def _count(self, what):
        with self._mutex:
            self.counts[what] = self.counts.get(what, 0) + 1

    def _broke(self, what):
        self.note("BROKEN " + what)
        with self._mutex:
            self.broken.append(what)

    def _run(self, region, table, seed):
        dice, stopped = random.Random(seed), self._stopped
        client = self.cluster.client(region, VOW_TIMEOUT_S if table == VOWS else 2.0)
        while not stopped.is_set():
            with self._mutex:
                session = self._sessions.pop(dice.randrange(len(self._sessions))) if self._sessions else None
            if session:
                try:
                    self._turn(client, region, table, session, dice)
                finally:
                    with self._mutex:
                        self._sessions.append(session)
            stopped.wait(dice.random() * PAUSE_S)
        client.close()

    def _turn(self, client, region, table, session, dice):
        key = f"k{dice.randrange(KEYS)}"
        draw = dice.random()
        try:
            if draw < 0.45:
                self._append(client, region, table, key, session, dice)
            elif draw < 0.75:
                self._read(client, region, table, key, session, dice)
            else:
                self._write_item(client, session, dice)
            self._count("answered")
        except Refused as refused:
            self._count("stale, refused as asked" if "StaleReplica" in str(refused) else f"refused with {refused.status}")
            self.note(f"{region} session {session.number}: {refused}")
        except NO_ANSWER as error:
            self._count("no answer")
            self.note(f"{region} session {session.number}: no answer: {error!r}")

    # ── requests ──

    def _append(self, client, region, table, key, session, dice):
        conversation = self.talks[table, key]
        with self._mutex:
            self._element += 1
            element = f"{self._element}-{region}"
            conversation.attempted.add(element)
        known = set(session.seen.get((table, key), ()))
        answer = client.call("UpdateItem", {
            "TableName": table, "Key": {"id": {"S": key}},
            "UpdateExpression": "SET turns = list_append(if_not_exists(turns, :none), :one)",
            "ExpressionAttributeValues": {":none": {"L": []}, ":one": {"L": [{"S": element}]}},
            # So that the answer tells what the region held at that moment.
            "ReturnValues": "ALL_NEW" if dice.random() < 0.2 else "NONE"}, session.token)
        self.note(f"{region} session {session.number}: {table} {key} + {element}, stale {answer.stale_ms}")
        with self._mutex:
            conversation.acknowledged[element] = region
            if answer.stale_ms == 0:
                conversation.behind[element] = known
        if "Attributes" in answer.json():
            self._saw(region, table, key, session, known | {element}, answer, answer.json()["Attributes"])
        session.token = answer.token
        session.seen.setdefault((table, key), set()).add(element)

    def _read(self, client, region, table, key, session, dice):
        known = set(session.seen.get((table, key), ()))
        refuses = {"X-Sealane-Stale": "refuse"} if dice.random() < 0.2 else {}
        answer = client.call("GetItem", {"TableName": table, "Key": {"id": {"S": key}}}, session.token, refuses)
        item = answer.json().get("Item", {})
        if refuses and answer.stale_ms:
            self._broke(f"rule 3: {region} was asked to refuse and gave a stale answer")
        self._saw(region, table, key, session, known, answer, item)
        session.token = answer.token

    def _saw(self, region, table, key, session, known, answer, item):
        turns = [e["S"] for e in item.get("turns", {"L": []})["L"]]
        self.note(f"{region} session {session.number}: {table} {key} has {len(turns)} turns, stale {answer.stale_ms}")
        if answer.stale_ms:
            return self._count("marked as stale")
        if missing := known - set(turns):
            self._broke(f"rule 3: session {session.number} reads {table} {key} in {region} without {sorted(missing)}, and is "
                        f"not told; token {session.token}")
        session.seen.setdefault((table, key), set()).update(turns)

    def _write_item(self, client, session, dice):
        table, key = dice.choice(("notes", "plain")), {"id": {"S": f"k{dice.randrange(KEYS)}"}}
        value = {"S": str(dice.random())}
        name = dice.choice("abc")
        draw = dice.random()
        if draw < 0.15:
            answer = client.call("DeleteItem", {"TableName": table, "Key": key}, session.token)
        elif draw < 0.4:
            answer = client.call("PutItem", {"TableName": table, "Item": {**key, name: value}}, session.token)
        else:
            change = (f"REMOVE {name}", {}) if draw < 0.55 else (f"SET {name} = :v", {":v": value})
            values = {"ExpressionAttributeValues": change[1]} if change[1] else {}
            answer = client.call("UpdateItem", {"TableName": table, "Key": key, "UpdateExpression": change[0], **values},
                                 session.token)
        session.token = answer.token

    # ── in the end ──

    def differences(self, regions):
        """Of the regions' bytes; empty: all hold the same. None: somebody did not answer."""
        found = []
        for table in ALL_TABLES:
            pages = {region: self.cluster.ask(region, lambda client: client.scan(table)) for region in regions}
            if None in pages.values():
                return None
            first = pages[regions[0]]
            for region in regions[1:]:
                for ours, theirs in zip(first, pages[region]):
                    if ours != theirs:
                        found.append(f"{table}: {regions[0]} has {ours}, {region} has {theirs}")
                if len(first) != len(pages[region]):
                    found.append(f"{table}: {len(first)} pages in {regions[0]}, {len(pages[region])} in {region}")
        return found

    def check(self, regions, may_lose=lambda table, region: False):
        """Rules 1 and 4, in each region. Returns how many elements that `may_lose` allows to be lost are."""
        lost = 0
        for region in regions:
            for (table, key), conversation in self.talks.items():
                answer = self.cluster.ask(region, lambda client: client.call(
                    "GetItem", {"TableName": table, "Key": {"id": {"S": key}}}))
                assert answer, f"{region} does not answer"
                turns = [e["S"] for e in answer.json().get("Item", {}).get("turns", {"L": []})["L"]]
                place = {element: at for at, element in enumerate(turns)}
                where = f"{table} {key} in {region}"
                if len(place) != len(turns):
                    self._broke(f"rule 1: an element is there twice: {where}")
                if unknown := set(turns) - conversation.attempted:
                    self._broke(f"rule 1: {unknown} in {where} were written by nobody")
                missing = [e for e in conversation.acknowledged if e not in place]
                allowed = [e for e in missing if may_lose(table, conversation.acknowledged[e])]
                lost = max(lost, len(allowed))
                if len(missing) > len(allowed):
                    self._broke(f"rule 1: acknowledged, and lost in {where}: {sorted(set(missing) - set(allowed))}")
                self._check_order(place, conversation, where)
        return lost

    def _check_order(self, place, conversation, where):
        for element, before in conversation.behind.items():
            for other in before:
                if element in place and other in place and place[other] > place[element]:
                    self._broke(f"rule 4: {element} stands before {other}, which its writer had seen, in {where}")
                    return

    def acknowledged_count(self):
        return sum(len(c.acknowledged) for c in self.talks.values())

    def say_what_happened(self):
        with contextlib.suppress(ValueError):
            print(json.dumps({"broken": self.broken[:20], "counts": self.counts}, indent=1))
        for seconds, what in self.history[-300:]:
            print(f"  {seconds:8.3f} {what}")
