// S3-compatible storage (s3rver) on a loopback port, with one bucket. Usage: node s3-server.mjs PORT FOLDER BUCKET
import S3rver from 's3rver';

const [port, directory, bucket] = process.argv.slice(2);
new S3rver({ port: Number(port), address: '127.0.0.1', directory, silent: true, resetOnClose: false, configureBuckets: [{ name: bucket }] })
  .run((error) => {
    if (error) { console.error(error); process.exit(1); }
    console.log('ready');
  });
// A client that goes away in the middle of a request is no reason to go, too.
process.on('uncaughtException', (error) => console.error(error));
process.on('unhandledRejection', (error) => console.error(error));
