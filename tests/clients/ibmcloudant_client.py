"""IBM's Cloudant SDK for Python: sessions by cookie, gzip bodies by default, a feed that is followed."""
import sys
from urllib.parse import urlsplit

from ibm_cloud_sdk_core import ApiException
from ibmcloudant import CouchDbSessionAuthenticator
from ibmcloudant.cloudant_v1 import BulkDocs, CloudantV1, Document
from ibmcloudant.features.changes_follower import ChangesFollower

url = urlsplit(sys.argv[1])
service = CloudantV1(authenticator=CouchDbSessionAuthenticator(url.username, url.password))
service.set_service_url(f"{url.scheme}://{url.hostname}:{url.port}")
assert service.get_server_information().get_result()["couchdb"] == "Welcome"
service.put_database(db="cloudant_py")
docs = [Document.from_dict({"_id": f"doc{i}", "text": "stone " * 50}) for i in range(300)]
rows = service.post_bulk_docs(db="cloudant_py", bulk_docs=BulkDocs(docs=docs)).get_result()
assert all(row["ok"] for row in rows)
doc = service.get_document(db="cloudant_py", doc_id="doc7").get_result()
doc["more"] = {"deep": [1, 2, 3]}
service.put_document(db="cloudant_py", doc_id="doc7", document=doc)
try:
    service.put_document(db="cloudant_py", doc_id="doc7", document=doc)
    raise AssertionError("no conflict")
except ApiException as error:
    assert error.status_code == 409, error
seen = {item.id for item in ChangesFollower(service, db="cloudant_py").start_one_off()}
assert len(seen) == 300, len(seen)
found = service.post_all_docs(db="cloudant_py", keys=["doc1", "nobody"]).get_result()["rows"]
assert found[1]["error"] == "not_found"
diff = service.post_revs_diff(db="cloudant_py", document_revisions={"doc1": ["9-abc"]}).get_result()
assert diff["doc1"]["missing"] == ["9-abc"]
got = service.post_bulk_get(db="cloudant_py", docs=[{"id": "doc1"}]).get_result()
assert got["results"][0]["docs"][0]["ok"]["_id"] == "doc1"
service.delete_database(db="cloudant_py")
print("done")
