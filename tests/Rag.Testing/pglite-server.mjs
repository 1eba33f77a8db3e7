// PostgreSQL (PGlite) behind a TCP port for many clients at once. PGlite is one session and takes one message at a time:
// here each client has the session for a whole exchange, and for a whole transaction, as behind a pooler.
// Usage: node pglite-server.mjs PORT [vector]
import net from 'node:net';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';

const [port, extension] = process.argv.slice(2);
const db = await PGlite.create({ extensions: extension === 'vector' ? { vector } : {} });
const waiting = [];
let holder = null, busy = false;

async function pump() {
  if (busy) return;
  busy = true;
  for (;;) {
    const next = waiting.findIndex(w => holder === null || w.client === holder);
    if (next < 0) break;
    const { client, parts, drop } = waiting.splice(next, 1)[0];
    let output = [];
    try {
      // Clients may live in schemas of their own; between transactions the session takes the next one's.
      if (holder === null && client.path) await db.exec(`SET search_path TO ${client.path}`);
      for (const part of parts) await db.execProtocolRawStream(part, { onRawData: data => output.push(Buffer.from(data)) });
    } catch (e) {
      console.error('exchange failed', e);
      client.socket.destroy();
      continue;
    }
    output = Buffer.concat(output);
    let status = null;
    for (let at = 0; at + 5 <= output.length; at += 1 + output.readInt32BE(at + 1)) if (output[at] === 0x5a) status = output[at + 5];
    if (status !== null) holder = status === 0x49 || client.closed ? null : client;
    if (client.closed && status !== null && status !== 0x49) await db.exec('ROLLBACK');
    if (!client.closed) client.socket.write(drop ? output.subarray(1 + output.readInt32BE(1)) : output);
  }
  busy = false;
}

function copyFromStdin(message) {
  const sql = message.subarray(5, message.length - 1).toString();
  const match = /^COPY [^(]+\(([^)]*)\) FROM STDIN/i.exec(sql);
  return match && match[1].split(',').length;
}

net.createServer(socket => {
  const client = { socket, closed: false, started: false, buffer: Buffer.alloc(0), parts: [], copy: null, path: null };
  const run = (parts, drop) => { waiting.push({ client, parts, drop }); pump(); };
  socket.setNoDelay(true);
  socket.on('data', data => {
    client.buffer = Buffer.concat([client.buffer, data]);
    for (;;) {
      const first = client.started ? 1 : 0;
      if (client.buffer.length < first + 4) return;
      const length = first + client.buffer.readInt32BE(first);
      if (client.buffer.length < length) return;
      const message = client.buffer.subarray(0, length);
      client.buffer = client.buffer.subarray(length);
      if (!client.started) {
        const code = message.readInt32BE(4);
        if (code === 80877102) return socket.destroy(); // A request to cancel, on a connection of its own.
        if (code === 80877103 || code === 80877104) { socket.write('N'); continue; } // Neither TLS nor GSS.
        client.started = true;
        const settings = message.subarray(8).toString().split('\0');
        client.path = settings[settings.indexOf('search_path') + 1 || settings.length] ?? '"$user", public';
        run([message]);
        continue;
      }
      const type = String.fromCharCode(message[0]);
      if (client.copy) {
        client.copy.push(message);
        // PGlite cannot wait for what follows a COPY: it gets all of it at once, and its own reply that it is ready is dropped.
        if (type === 'c' || type === 'f') { run([Buffer.concat(client.copy)], true); client.copy = null; }
        continue;
      }
      if (type === 'X') { socket.end(); continue; }
      const columns = type === 'Q' && copyFromStdin(message);
      if (columns) {
        client.copy = [message];
        const ready = Buffer.alloc(8 + 2 * columns);
        ready.write('G');
        ready.writeInt32BE(7 + 2 * columns, 1);
        ready[5] = 1;
        ready.writeInt16BE(columns, 6);
        for (let i = 0; i < columns; i++) ready.writeInt16BE(1, 8 + 2 * i);
        socket.write(ready);
        continue;
      }
      client.parts.push(message);
      if (type === 'Q' || type === 'S') { run(client.parts); client.parts = []; }
    }
  });
  socket.on('error', () => {});
  socket.on('close', async () => {
    client.closed = true;
    for (let i = waiting.length - 1; i >= 0; i--) if (waiting[i].client === client) waiting.splice(i, 1);
    if (holder === client && !busy) {
      busy = true;
      await db.exec('ROLLBACK');
      holder = null;
      busy = false;
    }
    pump();
  });
}).listen(Number(port), '127.0.0.1', () => console.log('listening'));
