// couchbackup, the tool that people trust their Cloudant data to: a backup, restored, is the same.
import couchbackup from '@cloudant/couchbackup';
import Nano from 'nano';
import { createReadStream, createWriteStream, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, main, url } from './common.mjs';

const nano = Nano(url);
const file = join(mkdtempSync(join(tmpdir(), 'pumice-backup-')), 'backup.txt');

const called = (call) => new Promise((resolve, reject) => call((error, data) => (error ? reject(error) : resolve(data))));

async function what_was_backed_up_is_restored() {
  await nano.db.create('backup-from');
  const from = nano.use('backup-from');
  for (let start = 0; start < 3000; start += 500) {
    await from.bulk({ docs: Array.from({ length: 500 }, (_, n) => ({ _id: `b${start + n}`, n, text: 'y'.repeat(200) })) });
  }
  const gone = await from.get('b17');
  await from.destroy('b17', gone._rev);
  const saved = await called((done) => couchbackup.backup(`${url}/backup-from`, createWriteStream(file), { quiet: true, mode: 'full', log: `${file}.log` }, done));
  // What is deleted is backed up too.
  assert.equal(saved.total, 3000);
  await nano.db.create('backup-to');
  const restored = await called((done) => couchbackup.restore(createReadStream(file), `${url}/backup-to`, { quiet: true }, done));
  assert.equal(restored.total, 3000);
  const rows = async (name) => (await nano.use(name).list({ include_docs: true })).rows.map((row) => [row.doc._id, row.doc._rev, row.doc.text]);
  await assert.rejects(nano.use('backup-to').get('b17'), { statusCode: 404, reason: 'deleted' });
  assert.deepEqual(await rows('backup-to'), await rows('backup-from'));
}

await main([what_was_backed_up_is_restored]);
