// IBM's Cloudant SDK for Node: sessions by cookie, gzip bodies by default.
const assert = require('node:assert');
const { CloudantV1, CouchdbSessionAuthenticator } = require('@ibm-cloud/cloudant');

(async () => {
  const url = new URL(process.argv[2]);
  const authenticator = new CouchdbSessionAuthenticator({ username: url.username, password: url.password });
  const service = new CloudantV1({ authenticator });
  service.setServiceUrl(url.origin);
  service.setEnableGzipCompression(true);
  assert.ok((await service.getServerInformation()).result.version);
  await service.putDatabase({ db: 'cloudant_js' });
  const docs = Array.from({ length: 500 }, (_, i) => ({ _id: 'doc' + i, text: 'stone '.repeat(50) }));
  const written = (await service.postBulkDocs({ db: 'cloudant_js', bulkDocs: { docs } })).result;
  assert.ok(written.every(row => row.ok));
  const one = (await service.getDocument({ db: 'cloudant_js', docId: 'doc3' })).result;
  assert.strictEqual(one.text, docs[3].text);
  await service.putDocument({ db: 'cloudant_js', docId: 'doc3', document: { ...one, more: true } });
  const all = (await service.postAllDocs({ db: 'cloudant_js', includeDocs: true, limit: 10 })).result;
  assert.strictEqual(all.rows.length, 10);
  const changes = (await service.postChanges({ db: 'cloudant_js', limit: 5 })).result;
  assert.strictEqual(changes.results.length, 5);
  assert.strictEqual(changes.pending, 495);
  await assert.rejects(service.getDocument({ db: 'cloudant_js', docId: 'nobody' }), error => error.status === 404);
  const session = (await service.getSessionInformation()).result;
  assert.strictEqual(session.userCtx.name, url.username);
  await service.deleteDatabase({ db: 'cloudant_js' });
  console.log('done');
})().catch(error => { console.error(error); process.exit(1); });
