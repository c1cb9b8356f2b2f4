import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { SIGNALBOX_MODEL, SIGNALBOX_PORT, SIGNALBOX_ATTEMPT, SIGNALBOX_VERSION, STARTS } = process.env;
const model = JSON.parse(readFileSync(SIGNALBOX_MODEL, 'utf8'));
appendFileSync(STARTS, `serving ${SIGNALBOX_ATTEMPT} ${SIGNALBOX_VERSION}\n`);
const server = createServer((request, response) => {
  response.statusCode = model.is === 'bad' && request.url !== '/healthz' ? 500 : 200;
  response.end(model.is);
});
server.listen(Number(SIGNALBOX_PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
