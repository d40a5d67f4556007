// IBM's Cloudant SDK for Node, which sends its bodies as gzip.
import sdk from '@ibm-cloud/cloudant';
import { assert, main, url } from './common.mjs';

const { CloudantV1 } = sdk;
const at = new URL(url);
const [username, password] = [decodeURIComponent(at.username), decodeURIComponent(at.password)];
at.username = at.password = '';

/// The SDK's own classes of authentication, basic and by session cookie.
async function service(kind) {
  const { BasicAuthenticator } = await import('ibm-cloud-sdk-core').then((core) => core.default ?? core);
  if (kind === 'basic') return new CloudantV1({ authenticator: new BasicAuthenticator({ username, password }), serviceUrl: at.origin });
  process.env.COOKIE_AUTH_TYPE = 'COUCHDB_SESSION';
  process.env.COOKIE_URL = at.origin;
  process.env.COOKIE_USERNAME = username;
  process.env.COOKIE_PASSWORD = password;
  return CloudantV1.newInstance({ serviceName: 'COOKIE' });
}

async function works(client, db) {
  await client.putDatabase({ db, q: 1 });
  const docs = Array.from({ length: 400 }, (_, n) => ({ _id: `d${n}`, n, text: 'gzip pays here '.repeat(20) }));
  const bulk = await client.postBulkDocs({ db, bulkDocs: { docs } });
  assert.equal(bulk.result.filter((row) => row.ok).length, 400);
  const all = await client.postAllDocs({ db, includeDocs: true, limit: 5 });
  assert.equal(all.result.rows[0].doc.text.length, 300);
  const changes = await client.postChanges({ db });
  assert.equal(changes.result.results.length, 400);
  const doc = (await client.getDocument({ db, docId: 'd7' })).result;
  const put = await client.putDocument({ db, docId: 'd7', document: { ...doc, n: 'new' } });
  assert.equal(put.status, 201);
  await assert.rejects(client.getDocument({ db, docId: 'none' }), { status: 404 });
  await client.deleteDatabase({ db });
}

async function works_with_a_password() {
  await works(await service('basic'), 'sdk-basic');
}

async function works_with_a_session() {
  await works(await service('cookie'), 'sdk-cookie');
}

await main([works_with_a_password, works_with_a_session]);
