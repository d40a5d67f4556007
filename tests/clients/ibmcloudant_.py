"""IBM's Cloudant SDK for Python, with a session and the follower of changes."""

from ibm_cloud_sdk_core import ApiException
from ibmcloudant import ChangesFollower, CouchDbSessionAuthenticator, PagerType, Pagination
from ibmcloudant.cloudant_v1 import BulkDocs, CloudantV1, Document

from common import ORIGIN, PASSWORD, USER, main

client = CloudantV1(authenticator=CouchDbSessionAuthenticator(USER, PASSWORD))
client.set_service_url(ORIGIN)


def works_in_bulk():
    client.put_database(db="ibm").get_result()
    docs = [Document(_id=f"d{n:04}", n=n, text="gzip " * 50) for n in range(1500)]
    result = client.post_bulk_docs(db="ibm", bulk_docs=BulkDocs(docs=docs)).get_result()
    assert len(result) == 1500 and all(row["ok"] for row in result)
    assert client.get_database_information(db="ibm").get_result()["doc_count"] == 1500
    try:
        client.put_document(db="ibm", doc_id="d0001", document=Document(n=0))
        raise AssertionError("no revision was asked for")
    except ApiException as error:
        assert error.status_code == 409


def reads_in_pages():
    pages = Pagination.new_pagination(client, PagerType.POST_ALL_DOCS, db="ibm", limit=100)
    assert [row.id for row in pages.rows()] == [f"d{n:04}" for n in range(1500)]


def follows_changes_to_their_end():
    follower = ChangesFollower(client, db="ibm", since="0")
    assert len({row.id for row in follower.start_one_off()}) == 1500


main(works_in_bulk, reads_in_pages, follows_changes_to_their_end)
