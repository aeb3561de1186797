#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes package-lock.json anew from package.json: run it after a change of versions.

@langchain/community depends on three packages that the chat history never loads, some 100 MB. An override with an alias
leaves them out, but npm before 10 cannot read a lock that was made with one, so they are taken out of the finished lock.
The lock names no registry: packages are found by name, wherever npm is told to look for them.
"""
import json
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LEFT_OUT = ("@langchain/openai", "@langchain/weaviate", "langchain")
OWNER = "node_modules/@langchain/community"


def main():
    with tempfile.TemporaryDirectory() as work:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(os.path.join(HERE, name), work)
        with open(os.path.join(work, "package.json"), encoding="utf-8") as f:
            package = json.load(f)
        package["overrides"].update({name: "npm:empty-npm-package@1.0.0" for name in LEFT_OUT})
        with open(os.path.join(work, "package.json"), "w", encoding="utf-8") as f:
            json.dump(package, f)
        subprocess.run(["npm", "install", "--package-lock-only", "--omit=optional", "--ignore-scripts"], cwd=work, check=True)
        with open(os.path.join(work, "package-lock.json"), encoding="utf-8") as f:
            lock = json.load(f)
    for name in LEFT_OUT:
        lock["packages"].pop(f"node_modules/{name}", None)
        lock["packages"][OWNER]["dependencies"].pop(name, None)
    text = json.dumps(lock, indent=2) + "\n"
    assert "resolved" not in text and "empty-npm-package" not in text
    with open(os.path.join(HERE, "package-lock.json"), "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
