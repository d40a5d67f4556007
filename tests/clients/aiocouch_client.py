"""aiocouch: sessions, documents, bulk with conflicts, users and security."""
import asyncio
import sys
from urllib.parse import urlsplit

from aiocouch import ConflictError, CouchDB, ForbiddenError, NotFoundError, UnauthorizedError


async def main() -> None:
    url = urlsplit(sys.argv[1])
    base = f"{url.scheme}://{url.hostname}:{url.port}"
    async with CouchDB(base, user=url.username, password=url.password) as couch:
        db = await couch.create("aio_db")
        async with db.create_docs(["x", "y", "z"]) as docs:
            async for doc in docs:
                doc["name"] = doc.id
        doc = await db["x"]
        doc["more"] = [1.5, None, {"a": True}]
        await doc.save()
        again = await db["x"]
        assert again["more"] == [1.5, None, {"a": True}]
        first, second = await db["y"], await db["y"]
        first["v"] = 1
        await first.save()
        second["v"] = 2
        try:
            await second.save()
            raise AssertionError("no conflict")
        except ConflictError:
            pass
        attachment = doc.attachment("blob")
        await attachment.save(b"\x00\x01" * 1000, "application/octet-stream")
        assert await attachment.fetch() == b"\x00\x01" * 1000
        ids = [doc.id async for doc in db.docs()]
        assert ids == ["x", "y", "z"], ids
        users = await couch["_users"]
        user = await users.create("org.couchdb.user:ann", exists_ok=True)
        user["name"], user["type"], user["roles"], user["password"] = "ann", "user", [], "stone"
        await user.save()
        security = await db.security()
        security.add_member("ann")
        security.remove_member_role("_admin")
        await security.save()
    async with CouchDB(base, user="ann", password="stone") as couch:
        db = await couch["aio_db"]
        assert (await db["z"])["name"] == "z"
        try:
            await couch.create("ann_db")
            raise AssertionError("a user made a database")
        except (ForbiddenError, UnauthorizedError):
            pass
        try:
            await (await db["nobody"]).fetch()
            raise AssertionError("found")
        except NotFoundError:
            pass
    print("done")


asyncio.run(main())
