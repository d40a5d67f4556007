// nano, Apache CouchDB's own library for Node.
import Nano from 'nano';
import { assert, main, restart, until, url } from './common.mjs';

const nano = Nano(url);

async function makes_lists_and_removes_databases() {
  await nano.db.create('nano-one', { q: 4 });
  await assert.rejects(nano.db.create('nano-one'), { statusCode: 412, error: 'file_exists' });
  assert.ok((await nano.db.list()).includes('nano-one'));
  const info = await nano.db.get('nano-one');
  assert.equal(info.cluster.q, 4);
  assert.equal(info.doc_count, 0);
  await nano.db.destroy('nano-one');
  await assert.rejects(nano.db.get('nano-one'), { statusCode: 404 });
  await assert.rejects(nano.db.create('Bad-Name'), { statusCode: 400, error: 'illegal_database_name' });
}

async function writes_reads_and_refuses() {
  await nano.db.create('nano-docs');
  const db = nano.use('nano-docs');
  const first = await db.insert({ crazy: true, 'umlaut \u00e4': '\u20ac' }, 'a/b c?d');
  assert.ok(first.ok);
  const doc = await db.get('a/b c?d', { revs_info: true });
  assert.equal(doc['umlaut \u00e4'], '\u20ac');
  assert.equal(doc._revs_info.length, 1);
  await assert.rejects(db.insert({ crazy: false }, 'a/b c?d'), { statusCode: 409, error: 'conflict' });
  const second = await db.insert({ _rev: first.rev, crazy: false }, 'a/b c?d');
  assert.match(second.rev, /^2-/);
  const head = await db.head('a/b c?d');
  assert.equal(head.etag, `"${second.rev}"`);
  await db.destroy('a/b c?d', second.rev);
  await assert.rejects(db.get('a/b c?d'), { statusCode: 404, reason: 'deleted' });
}

async function lists_in_order_and_by_key() {
  await nano.db.create('nano-list');
  const db = nano.use('nano-list');
  const docs = Array.from({ length: 250 }, (_, n) => ({ _id: `k${String(n).padStart(3, '0')}`, n }));
  assert.equal((await db.bulk({ docs })).length, 250);
  const some = await db.list({ startkey: 'k010', endkey: 'k019', include_docs: true });
  assert.deepEqual(some.rows.map((row) => row.doc.n), Array.from({ length: 10 }, (_, n) => n + 10));
  const down = await db.list({ descending: true, limit: 3, skip: 1 });
  assert.deepEqual(down.rows.map((row) => row.id), ['k248', 'k247', 'k246']);
  const named = await db.fetch({ keys: ['k003', 'none', 'k001'] });
  assert.deepEqual(named.rows.map((row) => row.doc?.n ?? row.error), [3, 'not_found', 1]);
  await restart();
  await until('the server', async () => (await db.info()).doc_count === 250);
}

async function keeps_attachments() {
  await nano.db.create('nano-att');
  const db = nano.use('nano-att');
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 256));
  const made = await db.attachment.insert('pic', 'a file.bin', bytes, 'application/octet-stream');
  assert.deepEqual(await db.attachment.get('pic', 'a file.bin'), bytes);
  const both = await db.multipart.insert({ _rev: made.rev, more: 1 }, [
    { name: 'one.txt', data: Buffer.from('eins'), content_type: 'text/plain' },
    { name: 'two.txt', data: Buffer.from('zwei'), content_type: 'text/plain' },
  ], 'pic');
  assert.equal((await db.attachment.get('pic', 'two.txt')).toString(), 'zwei');
  await db.attachment.destroy('pic', 'one.txt', { rev: both.rev });
  assert.deepEqual(Object.keys((await db.get('pic'))._attachments), ['two.txt']);
}

async function replicates_within_the_server() {
  await nano.db.create('nano-from');
  const from = nano.use('nano-from');
  await from.bulk({ docs: Array.from({ length: 700 }, (_, n) => ({ _id: `r${n}`, n })) });
  await from.attachment.insert('r-att', 'a', Buffer.from('x'.repeat(70_000)), 'text/plain');
  const done = await nano.db.replicate(`${url}/nano-from`, `${url}/nano-to`, { create_target: true });
  assert.ok(done.ok);
  assert.equal(done.history[0].docs_written, 701);
  const to = nano.use('nano-to');
  assert.equal((await to.info()).doc_count, 701);
  assert.equal((await to.attachment.get('r-att', 'a')).length, 70_000);
  const again = await nano.db.replicate(`${url}/nano-from`, `${url}/nano-to`);
  assert.ok(again.no_changes);
}

await main([
  makes_lists_and_removes_databases,
  writes_reads_and_refuses,
  lists_in_order_and_by_key,
  keeps_attachments,
  replicates_within_the_server,
]);
