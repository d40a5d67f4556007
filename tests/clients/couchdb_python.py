"""couchdb-python: documents, bulk, attachments, changes, replication."""
import sys

import couchdb

server = couchdb.Server(sys.argv[1])
db = server.create("python_db")
doc_id, rev = db.save({"type": "Person", "name": "John"})
doc = db[doc_id]
assert doc["name"] == "John" and doc.rev == rev
doc["age"] = 42
db.save(doc)
try:
    db.save({"_id": doc_id, "name": "other"})
    raise AssertionError("no conflict")
except couchdb.ResourceConflict:
    pass
results = db.update([{"_id": "a", "v": 1}, {"_id": "b", "v": 2}])
assert all(ok for ok, _, _ in results), results
db.put_attachment(db["a"], b"hello", filename="h.txt", content_type="text/plain")
assert db.get_attachment("a", "h.txt").read() == b"hello"
db.delete_attachment(db["a"], "h.txt")
assert db.get_attachment("a", "h.txt") is None
assert sorted(db) == sorted([doc_id, "a", "b"])
assert len(db.changes()["results"]) == 3
assert "nobody" not in db
del db["b"]
assert "b" not in db
assert db.info()["doc_count"] == 2
for change in db.changes(feed="continuous", since=0, timeout=200):
    assert "seq" in change or "last_seq" in change
server.create("python_copy")
answer = server.replicate("python_db", "python_copy")
assert answer["ok"], answer
assert len(server["python_copy"]) == 2
db.compact()
server.delete("python_db")
server.delete("python_copy")
assert "python_db" not in server
print("done")
