// PouchDB, the store in browsers and phones: both ways, live, with attachments and conflicts.
import PouchDB from 'pouchdb';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync } from 'node:fs';
import { assert, main, raw, restart, until, url } from './common.mjs';

// While the server is away PouchDB tries again, and leaves a promise of its own to nobody.
process.on('unhandledRejection', (error) => {
  if (!['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code)) throw error;
});

const place = mkdtempSync(join(tmpdir(), 'pumice-pouchdb-'));
let stores = 0;
const local = () => new PouchDB(join(place, `store-${stores++}`));
const remote = (name) => new PouchDB(`${url}/${name}`);
const bytes = (size, seed) => Buffer.from({ length: size }, (_, n) => (n * 31 + seed) % 251);

async function same(one, other) {
  const rows = async (db) => (await db.allDocs()).rows.map((row) => [row.id, row.value.rev]);
  assert.deepEqual(await rows(one), await rows(other));
}

async function pushes_and_pulls_with_attachments() {
  const [here, there, back] = [local(), remote('pouch-basic'), local()];
  await here.bulkDocs(Array.from({ length: 1200 }, (_, n) => ({ _id: `doc-${n}`, n, text: 'x'.repeat(n % 50) })));
  const large = bytes(3_000_000, 1);
  await here.put({
    _id: 'with attachments',
    _attachments: {
      'note.txt': { content_type: 'text/plain', data: Buffer.from('hello '.repeat(1000)).toString('base64') },
      'large.bin': { content_type: 'application/octet-stream', data: large.toString('base64') },
    },
  });
  await here.put({ _id: 'gone' });
  await here.remove(await here.get('gone'));
  const pushed = await here.replicate.to(there);
  assert.ok(pushed.ok);
  assert.equal(pushed.doc_write_failures, 0);
  assert.equal((await there.info()).doc_count, 1201);
  await same(here, there);
  const pulled = await back.replicate.from(there);
  assert.equal(pulled.docs_written, 1202);
  await same(here, back);
  assert.ok(large.equals(await back.getAttachment('with attachments', 'large.bin')));
  assert.equal((await back.getAttachment('with attachments', 'note.txt')).toString(), 'hello '.repeat(1000));
  await assert.rejects(back.get('gone'), { status: 404, reason: 'deleted' });
  const again = await here.replicate.to(there);
  assert.equal(again.docs_read, 0);
}

async function keeps_conflicts_and_agrees_on_the_winner() {
  const [one, two, there] = [local(), local(), remote('pouch-conflicts')];
  await one.put({ _id: 'shared', v: 0 });
  await one.replicate.to(there);
  await two.replicate.from(there);
  await one.put({ ...(await one.get('shared')), v: 'one' });
  await two.put({ ...(await two.get('shared')), v: 'two' });
  await one.sync(there);
  await two.sync(there);
  await one.sync(there);
  const winners = await Promise.all([one, two, there].map((db) => db.get('shared', { conflicts: true })));
  assert.equal(new Set(winners.map((doc) => doc._rev)).size, 1);
  for (const doc of winners) assert.equal(doc._conflicts.length, 1);
  await there.remove('shared', winners[0]._conflicts[0]);
  await one.sync(there);
  assert.equal((await one.get('shared', { conflicts: true }))._conflicts, undefined);
}

async function syncs_live_through_a_restart_and_a_compaction() {
  const [one, two, there] = [local(), local(), remote('pouch-live')];
  await there.info();
  const options = { live: true, retry: true, back_off_function: () => 50 };
  const syncs = [one.sync(there, options), two.sync(there, options)];
  for (const sync of syncs) sync.on('error', (error) => { throw error; });
  const arrived = (db, id) => until(id, async () => (await db.get(id).catch(() => null)) !== null);
  for (let n = 0; n < 30; n++) await one.put({ _id: `early-${n}`, n });
  await arrived(two, 'early-29');
  assert.equal((await raw('POST', '/pouch-live/_compact')).status, 202);
  for (let n = 0; n < 30; n++) await two.put({ _id: `during-${n}`, n, _attachments: { a: { content_type: 'text/plain', data: 'aGk=' } } });
  await restart();
  for (let n = 0; n < 30; n++) await one.put({ ...(await one.get(`early-${n}`)), n: n + 100 });
  await two.put({ _id: 'late' });
  await arrived(one, 'late');
  await arrived(one, 'during-29');
  await until('updates', async () => (await two.get('early-29')).n === 129);
  for (const sync of syncs) {
    const ended = new Promise((resolve) => sync.on('complete', resolve));
    sync.cancel();
    await ended;
  }
  await one.sync(there);
  await two.sync(there);
  await same(one, there);
  await same(two, there);
  assert.equal((await there.getAttachment('during-7', 'a')).toString(), 'hi');
}

async function follows_changes_live() {
  const there = remote('pouch-changes');
  await there.info();
  const seen = [];
  const feed = there.changes({ live: true, since: 'now', include_docs: true }).on('change', (change) => seen.push(change.doc));
  await until('the feed', async () => {
    await there.post({ at: seen.length });
    return seen.length > 3;
  });
  feed.cancel();
  assert.equal(typeof seen[0].at, 'number');
}

await main([
  pushes_and_pulls_with_attachments,
  keeps_conflicts_and_agrees_on_the_winner,
  syncs_live_through_a_restart_and_a_compaction,
  follows_changes_live,
]);
