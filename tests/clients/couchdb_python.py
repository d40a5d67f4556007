"""CouchDB-Python, unmaintained for years and in use all the same."""

import io

import couchdb

from common import URL, main, restart

server = couchdb.Server(URL)


def makes_and_removes_databases():
    assert server.version()
    db = server.create("py-one")
    try:
        server.create("py-one")
        raise AssertionError("it was made twice")
    except couchdb.PreconditionFailed:
        pass
    assert "py-one" in server and db.info()["doc_count"] == 0
    del server["py-one"]
    assert "py-one" not in server


def writes_updates_and_refuses():
    db = server.create("py-docs")
    identity, revision = db.save({"type": "Person", "name": "J\u00fcrgen"})
    doc = db[identity]
    assert doc["name"] == "J\u00fcrgen" and doc.rev == revision
    doc["name"] = "new"
    db[identity] = doc
    try:
        db.save({"_id": identity, "_rev": revision})
        raise AssertionError("an old revision was taken")
    except couchdb.ResourceConflict:
        pass
    results = db.update([{"_id": f"u{n}", "n": n} for n in range(100)])
    assert all(ok for ok, _, _ in results)
    rows = [row.id for row in db.view("_all_docs", startkey="u1", endkey="u2", limit=3)]
    assert rows == ["u1", "u10", "u11"], rows
    restart()
    assert db["u42"]["n"] == 42
    del db["u42"]
    assert "u42" not in db


def keeps_attachments_and_copies():
    db = server.create("py-att")
    db["a"] = {"x": 1}
    db.put_attachment(db["a"], io.BytesIO(b"\x00\x01" * 5000), "data.bin", "application/octet-stream")
    assert db.get_attachment("a", "data.bin").read() == b"\x00\x01" * 5000
    db.copy("a", "b")
    assert db.get_attachment("b", "data.bin").read() == b"\x00\x01" * 5000
    revisions = [revision.rev for revision in db.revisions("a")]
    assert len(revisions) == 2 and revisions[0].startswith("2-")


def follows_changes():
    db = server.create("py-changes")
    db.update([{"_id": f"c{n}"} for n in range(10)])
    first = db.changes(limit=4)
    rest = db.changes(since=first["last_seq"])
    ids = [row["id"] for row in first["results"] + rest["results"]]
    assert sorted(ids) == sorted(f"c{n}" for n in range(10))
    feed = db.changes(feed="continuous", since=rest["last_seq"], heartbeat=1000)
    db["live"] = {}
    assert next(feed)["id"] == "live"


def purges_and_compacts():
    db = server.create("py-purge")
    identity, revision = db.save({"secret": 1})
    assert db.purge([{"_id": identity, "_rev": revision}])["purged"] == {identity: [revision]}
    assert identity not in db and db.compact()


main(
    makes_and_removes_databases,
    writes_updates_and_refuses,
    keeps_attachments_and_copies,
    follows_changes,
    purges_and_compacts,
)
