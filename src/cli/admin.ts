import { parseArgs } from 'node:util';
import { createLogger } from '../adapters/logger/logger.ts';
import { auditLog } from '../adapters/postgres/audit.ts';
import { tokenStore } from '../adapters/postgres/tokens.ts';
import { loadConfig } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import { type Scope, scopes } from '../core/ports.ts';
import { openStore } from '../roles/base.ts';

/** Runs `work` on the database that the environment names, or on the embedded one. */
async function withStore<T>(work: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const store = await openStore(config, createLogger('warn', config.secrets));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function print(json: boolean | undefined, data: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(data)}\n` : `${text}\n`);
}

/** `signalbox migrate`: opening the store does it; here it is done alone, before a rolling deploy. */
export async function migrateCommand(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
  await withStore(async () => print(values.json, { ok: true }, 'The schema is up to date.'));
  return 0;
}

/** `signalbox audit verify`: exit code 1 when the chain is broken. */
export async function audit(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean' } },
  });
  if (positionals[0] !== 'verify') {
    throw new SignalboxError('VALUE_INVALID', {
      word: positionals[0] ?? '',
      name: 'audit',
      allowed: ['verify'],
      example: 'audit verify',
    });
  }
  return await withStore(async ({ database }) => {
    const result = await auditLog(database.db).verify();
    const text = result.broken
      ? `The audit log is broken at row ${result.broken.seq}: ${result.broken.why}. The ${result.rows} rows before it are whole.`
      : `The audit log is whole: ${result.rows} rows.`;
    print(values.json, result, text);
    return result.broken ? 1 : 0;
  });
}

/** `signalbox token create --name ci --scope runs:read --scope runs:write [--pool p] | list | revoke <id or name>`. */
export async function token(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      name: { type: 'string' },
      scope: { type: 'string', multiple: true },
      pool: { type: 'string' },
    },
  });
  const [action, subject] = positionals;
  const example = 'token create --name ci --scope runs:read --scope runs:write';
  return await withStore(async ({ database }) => {
    const tokens = tokenStore(database.db);
    if (action === 'list') {
      const list = await tokens.list();
      const line = (one: (typeof list)[number]) =>
        `${one.id}  ${one.name}  ${one.scopes.join(',')}${one.pool ? `  pool ${one.pool}` : ''}${one.revokedAt ? '  revoked' : ''}`;
      print(values.json, list, list.map(line).join('\n') || 'There are no tokens.');
      return 0;
    }
    if (action === 'create') {
      if (!values.name)
        throw new SignalboxError('ARGUMENT_MISSING', { command: 'token create', word: '--name', example });
      const wanted = scopesOf(values.scope ?? [], example);
      const { token: made, secret } = await tokens.create(
        { name: values.name, scopes: wanted, pool: values.pool },
        new Date(),
      );
      print(
        values.json,
        { id: made.id, name: made.name, scopes: made.scopes, secret },
        `${secret}\nIt is shown this once.`,
      );
      return 0;
    }
    if (action === 'revoke') {
      if (!subject)
        throw new SignalboxError('ARGUMENT_MISSING', {
          command: 'token revoke',
          word: 'a token',
          example: 'token revoke ci',
        });
      const revoked = await tokens.revoke(subject, new Date());
      print(
        values.json,
        { revoked },
        revoked ? 'The token is revoked.' : 'There is no such token, or it is revoked already.',
      );
      return revoked ? 0 : 1;
    }
    throw new SignalboxError('VALUE_INVALID', {
      word: action ?? '',
      name: 'token',
      allowed: ['create', 'list', 'revoke'],
      example,
    });
  });
}

function scopesOf(words: string[], example: string): Scope[] {
  const unknown = words.find(word => !scopes.some(scope => scope === word));
  if (unknown !== undefined || words.length === 0) {
    throw new SignalboxError('VALUE_INVALID', {
      word: unknown ?? 'nothing',
      name: '--scope',
      allowed: scopes,
      example,
    });
  }
  return scopes.filter(scope => words.includes(scope));
}
