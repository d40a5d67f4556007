"""aiocouch, for asyncio."""

import asyncio

from aiocouch import ConflictError, CouchDB, ForbiddenError, NotFoundError, UnauthorizedError

from common import ORIGIN, PASSWORD, USER, main


def works_as_it_says():
    asyncio.run(everything())


def lets_users_do_what_they_may():
    asyncio.run(users())


async def users():
    async with CouchDB(ORIGIN, user=USER, password=PASSWORD) as couchdb:
        db = await couchdb.create("aio-users")
        await (await db.create("z", data={"name": "z"})).save()
        accounts = await couchdb["_users"]
        ann = await accounts.create("org.couchdb.user:ann", exists_ok=True)
        ann["name"], ann["type"], ann["roles"], ann["password"] = "ann", "user", [], "stone"
        await ann.save()
        security = await db.security()
        security.add_member("ann")
        security.remove_member_role("_admin")
        await security.save()
    async with CouchDB(ORIGIN, user="ann", password="stone") as couchdb:
        assert (await (await couchdb["aio-users"])["z"])["name"] == "z"
        try:
            await couchdb.create("ann-db")
            raise AssertionError("a user made a database")
        except (ForbiddenError, UnauthorizedError):
            pass


async def everything():
    async with CouchDB(ORIGIN, user=USER, password=PASSWORD) as couchdb:
        await couchdb.check_credentials()
        db = await couchdb.create("aio")
        doc = await db.create("one", data={"n": 1})
        await doc.save()
        other = await db["one"]
        other["n"] = 2
        await other.save()
        doc["n"] = 3
        try:
            await doc.save()
            raise AssertionError("an old revision was taken")
        except ConflictError:
            pass
        async with db.update_docs([f"m{n}" for n in range(50)], create=True) as bulk:
            async for each in bulk:
                each["made"] = True
        assert len(bulk.ok) == 50 and not bulk.error
        ids = [each.id async for each in db.docs(prefix="m1")]
        assert ids == ["m1", *(f"m1{n}" for n in range(10))], ids
        attachment = (await db["one"]).attachment("note")
        await attachment.save(b"hello", "text/plain")
        assert await (await db["one"]).attachment("note").fetch() == b"hello"
        security = await db.security()
        security.add_member("joe")
        await security.save()
        assert (await db.security()).members == ["joe"]
        await (await db["one"]).delete()
        try:
            await db["one"]
            raise AssertionError("a deleted document is there")
        except NotFoundError:
            pass
        seen = [event.id async for event in db.changes()]
        assert "m7" in seen
        await db.delete()


main(works_as_it_says, lets_users_do_what_they_may)
