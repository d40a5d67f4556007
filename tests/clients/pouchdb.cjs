// PouchDB: push, pull, conflicts, attachments, and a live sync both ways through a restart of the server and a compaction.
// Says "restart" on its output when the server is to be restarted, and goes on when a line comes in.
const assert = require('node:assert');
const readline = require('node:readline');
const PouchDB = require('pouchdb-core')
  .plugin(require('pouchdb-adapter-http'))
  .plugin(require('pouchdb-adapter-memory'))
  .plugin(require('pouchdb-replication'));

const url = process.argv[2];
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const text = length => Buffer.from(Array.from({ length }, (_, i) => (i * 31 + 7) % 251));

const until = async (what, check) => {
  for (let tries = 0; tries < 600; tries++) {
    if (await check().catch(() => false)) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error('it did not happen: ' + what);
};

// Everything that a database holds: leaves with their conflicts, attachments by their digest and content.
const state = async db => {
  const all = await db.allDocs({ include_docs: true, conflicts: true, attachments: true });
  return all.rows.map(({ doc }) => {
    const { _attachments = {}, ...rest } = doc;
    const attachments = Object.fromEntries(Object.entries(_attachments).map(([name, a]) => [name, [a.content_type, a.data]]));
    return { ...rest, attachments };
  });
};

const once = async () => {
  const remote = new PouchDB(url + '/pouch_once');
  const local = new PouchDB('once', { adapter: 'memory' });
  await local.bulkDocs(Array.from({ length: 120 }, (_, i) => ({ _id: 'doc' + String(i).padStart(3, '0'), n: i, list: [i, 'x', null] })));
  await local.put({ _id: 'with/slash +\u00e9', v: 1 });
  await local.putAttachment('pictured', 'small.txt', Buffer.from('hello'), 'text/plain');
  const pictured = await local.get('pictured');
  await local.putAttachment('pictured', 'large.bin', pictured._rev, text(300000), 'application/octet-stream');
  const gone = await local.put({ _id: 'gone', v: 1 });
  await local.remove('gone', gone.rev);
  const pushed = await local.replicate.to(remote);
  assert.strictEqual(pushed.ok, true);
  assert.strictEqual(pushed.doc_write_failures, 0);
  assert.strictEqual((await remote.info()).doc_count, 122);
  const attachment = await remote.getAttachment('pictured', 'large.bin');
  assert.ok(text(300000).equals(attachment));

  const again = await local.replicate.to(remote);
  assert.strictEqual(again.docs_written, 0, 'a checkpoint is found');

  const copy = new PouchDB('copy', { adapter: 'memory' });
  const pulled = await copy.replicate.from(remote);
  assert.strictEqual(pulled.docs_written, 123);
  assert.deepStrictEqual(await state(copy), await state(remote));
  assert.deepStrictEqual(await state(copy), await state(local));

  // Both change the same document: a conflict, with the same winner everywhere; then it is resolved.
  const base = await local.get('doc001');
  await local.put({ ...base, by: 'local' });
  await copy.put({ ...base, by: 'copy' });
  await local.sync(remote);
  await copy.sync(remote);
  await local.sync(remote);
  const winners = await Promise.all([local, copy, remote].map(db => db.get('doc001', { conflicts: true })));
  assert.strictEqual(winners[0]._conflicts.length, 1);
  assert.deepStrictEqual(winners[1], winners[0]);
  assert.deepStrictEqual(winners[2], winners[0]);
  await remote.remove('doc001', winners[0]._conflicts[0]);
  await local.sync(remote);
  assert.strictEqual((await local.get('doc001', { conflicts: true }))._conflicts, undefined);

  const some = new PouchDB('some', { adapter: 'memory' });
  await some.replicate.from(remote, { doc_ids: ['doc005', 'doc006'] });
  assert.strictEqual((await some.info()).doc_count, 2);
  const picked = new PouchDB('picked', { adapter: 'memory' });
  await picked.replicate.from(remote, { selector: { n: { $gte: 100 } } });
  assert.strictEqual((await picked.info()).doc_count, 20);
};

const live = async () => {
  const remote = new PouchDB(url + '/pouch_live');
  const local = new PouchDB('live', { adapter: 'memory' });
  const sync = local.sync(remote, { live: true, retry: true, back_off_function: () => 100, batch_size: 20 });
  await local.bulkDocs(Array.from({ length: 60 }, (_, i) => ({ _id: 'l' + i, v: 0 })));
  await remote.bulkDocs(Array.from({ length: 60 }, (_, i) => ({ _id: 'r' + i, v: 0 })));
  await until('both have all', async () => (await local.info()).doc_count === 120 && (await remote.info()).doc_count === 120);

  console.log('restart');
  await local.bulkDocs(Array.from({ length: 30 }, (_, i) => ({ _id: 'meanwhile' + i })));
  await lines.next();

  await remote.putAttachment('picture', 'a.bin', text(50000), 'image/png');
  for (let round = 0; round < 5; round++) {
    const rows = (await local.allDocs({ startkey: 'l', endkey: 'l\uffff', include_docs: true })).rows;
    await local.bulkDocs(rows.map(({ doc }) => ({ ...doc, v: round })));
    if (round === 1) await remote.fetch('_compact', { method: 'POST', headers: new Headers({ 'Content-Type': 'application/json' }) });
    const theirs = (await remote.allDocs({ startkey: 'r', endkey: 'r\uffff', include_docs: true })).rows;
    await remote.bulkDocs(theirs.map(({ doc }) => ({ ...doc, v: round })));
  }
  const same = async () => {
    const [ours, theirs] = await Promise.all([state(local), state(remote)]);
    assert.deepStrictEqual(ours, theirs);
    return ours.length === 151 && ours.filter(doc => /^[lr]\d/.test(doc._id)).every(doc => doc.v === 4);
  };
  await until('both are the same', same);
  sync.cancel();
  await sync.catch(() => {});
};

once().then(live).then(
  () => { console.log('done'); process.exit(0); },
  error => { console.error(error); process.exit(1); },
);
