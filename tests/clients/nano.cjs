// nano: databases, documents, bulk, attachments, changes, errors, sessions.
const assert = require('node:assert');
const nano = require('nano')(process.argv[2]);

(async () => {
  assert.ok((await nano.info()).couchdb);
  await nano.db.create('nano_db');
  await assert.rejects(nano.db.create('nano_db'), error => error.statusCode === 412 && error.error === 'file_exists');
  assert.ok((await nano.db.list()).includes('nano_db'));
  const db = nano.use('nano_db');
  const first = await db.insert({ happy: true }, 'rabbit');
  assert.ok(first.ok && first.rev.startsWith('1-'));
  await assert.rejects(db.insert({ happy: false }, 'rabbit'), error => error.statusCode === 409 && error.error === 'conflict');
  await assert.rejects(db.get('nobody'), error => error.statusCode === 404 && error.reason === 'missing');
  const head = await db.head('rabbit');
  assert.strictEqual(head.etag, '"' + first.rev + '"');
  const bulk = await db.bulk({ docs: [{ _id: 'a', v: 1 }, { _id: 'b', v: 2 }, { _id: 'rabbit', v: 3 }] });
  assert.deepStrictEqual(bulk.map(row => row.error), [undefined, undefined, 'conflict']);
  const list = await db.list({ include_docs: true, startkey: 'a', endkey: 'b' });
  assert.deepStrictEqual(list.rows.map(row => row.doc.v), [1, 2]);
  const fetched = await db.fetch({ keys: ['b', 'zz'] });
  assert.strictEqual(fetched.rows[1].error, 'not_found');
  const bytes = Buffer.from([0, 1, 2, 253, 254, 255]);
  const attached = await db.attachment.insert('rabbit', 'ears.bin', bytes, 'application/octet-stream', { rev: first.rev });
  assert.ok(bytes.equals(await db.attachment.get('rabbit', 'ears.bin')));
  await db.attachment.destroy('rabbit', 'ears.bin', { rev: attached.rev });
  await db.multipart.insert({ foo: 'bar' }, [
    { name: 'one.txt', data: 'one', content_type: 'text/plain' },
    { name: 'two.bin', data: bytes, content_type: 'image/bmp' },
  ], 'parts');
  assert.strictEqual((await db.attachment.get('parts', 'one.txt')).toString(), 'one');
  assert.ok(bytes.equals(await db.attachment.get('parts', 'two.bin')));
  const changes = await db.changes({ since: 0, include_docs: true });
  assert.strictEqual(changes.results.length, 4);
  assert.strictEqual(changes.pending, 0);
  const heard = new Promise((resolve, reject) => {
    const reader = db.changesReader.start({ since: 'now', wait: false, timeout: 10000 });
    reader.on('change', change => { db.changesReader.stop(); resolve(change); }).on('error', reject);
  });
  await new Promise(resolve => setTimeout(resolve, 300));
  await db.insert({ late: true }, 'late');
  assert.strictEqual((await heard).id, 'late');
  const { origin, username, password } = new URL(process.argv[2]);
  const authorization = 'Basic ' + Buffer.from(username + ':' + password).toString('base64');
  const copy = await fetch(origin + '/nano_db/a', { method: 'COPY', headers: { authorization, destination: 'copied' } });
  assert.strictEqual(copy.status, 201);
  assert.strictEqual((await db.get('copied')).v, 1);
  const copied = await db.get('copied');
  await db.destroy('copied', copied._rev);
  await assert.rejects(db.get('copied'), error => error.statusCode === 404 && error.reason === 'deleted');
  assert.ok((await nano.uuids(3)).uuids.length === 3);
  await nano.db.compact('nano_db');
  await nano.db.replicate('nano_db', 'nano_copy', { create_target: true });
  assert.strictEqual((await nano.use('nano_copy').info()).doc_count, (await db.info()).doc_count);
  const anonymous = require('nano')(process.argv[2].replace(/\/\/.*@/, '//'));
  await assert.rejects(anonymous.use('nano_db').get('a'), error => error.statusCode === 401);
  await nano.db.destroy('nano_db');
  await nano.db.destroy('nano_copy');
  console.log('done');
})().catch(error => { console.error(error); process.exit(1); });
