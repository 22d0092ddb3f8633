#!/usr/bin/env python3
"""Restores a backup of millweir without millweir: with age, gunzip, minisign and PyMongo.

usage: read_backup.py REPOSITORY RUN IDENTITY PUBLIC-KEY MONGODB-URI SUFFIX

It follows docs/format.md. Databases are restored under their name with SUFFIX, a collection at a time.
It understands the encoding jsonl.gz only, and checks everything that it uses.
"""
import hashlib, json, os, subprocess, sys, tempfile

import bson
import pymongo
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.json_util import JSONMode, JSONOptions, loads
from bson.son import SON

repository, run, identity, public_key, uri, suffix = sys.argv[1:]
exact = {"document_class": SON, "uuid_representation": UuidRepresentation.UNSPECIFIED}
options = JSONOptions(json_mode=JSONMode.CANONICAL, **exact)
codec = CodecOptions(**exact)


def path(key):
    return os.path.join(repository, *key.split("/"))


def output(*command, stdin=None):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout


def signed(key, comment):
    """Returns the content of a signed object."""
    said = output("minisign", "-V", "-Q", "-P", public_key, "-m", path(key), "-x", path(key) + ".sig")
    assert said.decode().strip() == comment, said
    with open(path(key), "rb") as f:
        return f.read()


def documents(encrypted, key_file, place):
    """Returns the documents of a list, and its tally. The last document is the end record."""
    lines = output("gunzip", stdin=output("age", "-d", "-i", key_file, stdin=encrypted)).splitlines()
    docs = [loads(line, json_options=options) for line in lines]
    raw = [bson.encode(doc, codec_options=codec) for doc in docs[:-1]]
    hashes = [hashlib.sha256(p).digest() for p in raw]
    tally = {
        "documents": len(raw),
        "bytes": sum(len(p) for p in raw),
        "digest": hashlib.sha256(b"".join(hashes)).hexdigest(),
        "sum": "%064x" % (sum(int.from_bytes(h, "big") for h in hashes) % 2**256),
    }
    end = docs[-1]
    assert end["millweir"] == "end" and dict(end["place"]) == place, end
    assert {name: end[name] for name in tally} == tally, (end, tally)
    return docs[:-1], tally


def where(kind, run, unit, number, entry):
    return {"repository": repo["id"], "run": run, "kind": kind, "unit": unit, "number": number,
            "database": entry["database"], "collection": entry["collection"]}


with open(path("repo.json"), "rb") as f:
    repo = json.load(f)
title = "millweir repository " + repo["id"]
signed("repo.json", title + " repository")
manifest = json.loads(signed("backups/%s.json" % run, "%s backup %s" % (title, run)))
assert manifest["reader"] == 1 and manifest["run"] == run and manifest["repository"] == repo["id"]

with tempfile.NamedTemporaryFile() as epoch:
    epoch.write(output("age", "-d", "-i", identity, path("keys/%s/0.age" % manifest["epoch"])))
    epoch.flush()
    server = pymongo.MongoClient(uri)
    for number, entry in enumerate(manifest["collections"]):
        key = "backups/%s/%d-%s.jsonl.gz.age" % (run, number, entry["catalog"]["digest"][:16])
        with open(path(key), "rb") as f:
            (head, *segments), tally = documents(f.read(), epoch.name, where("catalog", run, 0, number, entry))
        assert tally == entry["catalog"], key
        target = server[entry["database"] + suffix][entry["collection"]]
        found = 0
        for s in segments:
            with open(path(s["object"]), "rb") as f:
                f.seek(s["offset"])
                stored = f.read(s["length"])
            assert hashlib.sha256(stored).hexdigest() == s["sha256"], s["object"]
            place = where("segment", s["run"], int(s["unit"]), int(s["number"]), entry)
            docs, tally = documents(stored, epoch.name, place)
            assert all(s[name] == tally[name] for name in tally), s["object"]
            found += len(docs)
            for i in range(0, len(docs), 1000):
                target.insert_many(docs[i:i + 1000])
        assert found == entry["documents"], entry
        for index in head.get("indexes", []):
            if index["name"] != "_id_":
                server[entry["database"] + suffix].command("createIndexes", entry["collection"], indexes=[index])
        print("%s.%s: %d documents" % (entry["database"], entry["collection"], found))
