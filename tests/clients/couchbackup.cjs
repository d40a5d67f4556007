// couchbackup: a backup of a database with updates, deletes and a conflict, and its restore into another one.
const assert = require('node:assert');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const couchbackup = require('@cloudant/couchbackup');
const nano = require('nano')(process.argv[2]);
const base = process.argv[2];

const promised = (run) => new Promise((resolve, reject) => run((error, data) => (error ? reject(error) : resolve(data))));

(async () => {
  await nano.db.create('backed_up');
  const db = nano.use('backed_up');
  const docs = Array.from({ length: 1200 }, (_, i) => ({ _id: 'doc' + i, n: i, text: 'x'.repeat(100) }));
  await db.bulk({ docs });
  await db.bulk({ new_edits: false, docs: [{ _id: 'doc7', _rev: '1-ffffffffffffffffffffffffffffffff', other: true }] });
  const gone = await db.get('doc9');
  await db.destroy('doc9', gone._rev);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'couchbackup-'));
  const file = path.join(directory, 'backup.txt');
  const out = fs.createWriteStream(file);
  await promised(done => couchbackup.backup(base + '/backed_up', out, { bufferSize: 200, log: path.join(directory, 'log') }, done));
  await nano.db.create('restored');
  await promised(done => couchbackup.restore(fs.createReadStream(file), base + '/restored', { bufferSize: 200 }, done));
  const rows = async name => (await nano.use(name).list({ include_docs: true, conflicts: true })).rows.map(row => row.doc);
  assert.deepStrictEqual(await rows('restored'), await rows('backed_up'));
  assert.strictEqual((await nano.use('restored').info()).doc_count, 1199);
  fs.rmSync(directory, { recursive: true });
  console.log('done');
})().catch(error => { console.error(error); process.exit(1); });
