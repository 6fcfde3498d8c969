// Preloaded into kinesis-local (node --require), which always listens on
// 0.0.0.0 at KINESIS_MOCK_PLAIN_PORT and KINESIS_MOCK_TLS_PORT. This keeps it
// on the loopback, lets the system choose a port (0), and reports the ports in
// use by writing "plain=N" and "tls=N", one a line, to KINESIS_LOCAL_PORTS_FILE.
'use strict';
const fs = require('node:fs');
const net = require('node:net');

const wanted = {
  [process.env.KINESIS_MOCK_PLAIN_PORT]: ['plain', process.env.KINESIS_LOCAL_PLAIN_PORT],
  [process.env.KINESIS_MOCK_TLS_PORT]: ['tls', process.env.KINESIS_LOCAL_TLS_PORT],
};

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...args) {
  const options = typeof args[0] === 'object' && args[0] !== null ? args[0] : { port: args[0] };
  const callback = args.findLast((a) => typeof a === 'function');
  const known = wanted[options.port];
  if (!known) {
    throw new Error(`loopback.cjs: kinesis-local listens on port ${options.port}, which this script did not give it`);
  }
  const [name, port] = known;
  this.once('listening', () => {
    fs.appendFileSync(process.env.KINESIS_LOCAL_PORTS_FILE, `${name}=${this.address().port}\n`);
  });
  this.once('error', (err) => {
    console.error(`loopback.cjs: ${name} port ${port}: ${err.message}`);
    process.exit(1);
  });
  return listen.call(this, { ...options, host: '127.0.0.1', port: Number(port) }, callback);
};
