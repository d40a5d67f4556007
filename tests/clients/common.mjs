// What the programs share.
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';

export { assert };
export const url = process.env.PUMICE_URL.replace(/\/$/, '');

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/// Has the server killed and started again.
export async function restart() {
  console.log('@restart');
  const { value } = await answers.next();
  assert.equal(value, 'done');
}

/// Asks again until it is so; the harness ends what never is.
export async function until(what, isSo) {
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      if (error.code === 'ERR_ASSERTION') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/// A request as it is, without a library.
export async function raw(method, path, body) {
  const target = new URL(url + path);
  const headers = { 'content-type': 'application/json' };
  if (target.username) {
    const user = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`;
    headers.authorization = `Basic ${Buffer.from(user).toString('base64')}`;
    target.username = target.password = '';
  }
  const answer = await fetch(target, { method, headers, body: body && JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() };
}

export async function main(tests) {
  for (const test of tests) {
    await test();
    console.log(`ok ${test.name}`);
  }
  process.exit(0);
}
