// Exits 0 once each URL given answers GET /healthcheck, 1 after 5 minutes.
// The emulator's certificate is self-signed; this asks the loopback only.
'use strict';
const agents = { 'http:': require('node:http'), 'https:': require('node:https') };
const deadline = Date.now() + 300_000;

function get(url) {
  return new Promise((resolve, reject) => {
    const options = { rejectUnauthorized: false, timeout: 2000 };
    agents[new URL(url).protocol]
      .get(url, options, (res) => { res.resume(); resolve(res.statusCode); })
      .on('timeout', function () { this.destroy(new Error('no answer in 2 s')); })
      .on('error', reject);
  });
}

async function ready(base) {
  for (;;) {
    try {
      if (await get(`${base}/healthcheck`) === 200) return;
    } catch (err) {
      if (Date.now() > deadline) throw new Error(`${base}: ${err.message}`);
    }
    if (Date.now() > deadline) throw new Error(`${base}: does not answer 200`);
    await new Promise((r) => setTimeout(r, 100));
  }
}

Promise.all(process.argv.slice(2).map(ready)).catch((err) => {
  console.error(err.message);
  process.exit(1);
});
