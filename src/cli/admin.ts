import type { Database } from '../adapters/postgres/database.ts';
import { tokenStore } from '../adapters/postgres/tokens.ts';
import { loadConfig } from '../config.ts';
import { SignalboxError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { type Scope, scopes } from '../core/ports.ts';
import { loadPolicy } from '../files/policy-file.ts';
import { readAction, readOptions } from './options.ts';
import { print, withStore } from './with-store.ts';

/** `signalbox migrate`: opening the store does it; here it is done alone, before a rolling deploy. */
export async function migrateCommand(args: string[]): Promise<number> {
  const { values } = readOptions('migrate', args, {
    options: { json: { type: 'boolean' } },
    example: 'migrate --json',
  });
  await withStore(async () => print(values.json, { ok: true }, 'The schema is up to date.'));
  return 0;
}

/** `signalbox token create --name ci --scope runs:read --scope runs:write [--pool p] | list | revoke <id or name>`. */
export async function token(args: string[]): Promise<number> {
  const example = 'token create --name ci --scope runs:read --scope runs:write';
  const { values, positionals } = readOptions('token', args, {
    words: 2,
    example,
    options: {
      json: { type: 'boolean' },
      name: { type: 'string' },
      scope: { type: 'string', multiple: true },
      pool: { type: 'string' },
    },
  });
  const action = readAction('token', positionals[0], ['create', 'list', 'revoke'], example);
  const { json } = values;
  if (action === 'list') {
    if (positionals[1] !== undefined)
      throw new SignalboxError('ARGUMENT_UNEXPECTED', {
        command: 'token list',
        word: positionals[1],
        example: 'token list',
      });
    return await withStore(({ database }) => listTokens(database, json));
  }
  if (action === 'revoke') return await revokeToken(positionals[1], json);

  if (!values.name)
    throw new SignalboxError('ARGUMENT_MISSING', { command: 'token create', word: '--name', example });
  const wanted = { name: values.name, scopes: scopesOf(values.scope ?? [], example), pool: values.pool };
  const pools = Object.keys(loadPolicy(loadConfig()).pools);
  if (wanted.pool !== undefined && !pools.includes(wanted.pool))
    throw new SignalboxError('POOL_UNKNOWN', {
      word: wanted.pool,
      allowed: pools,
      nearest: nearest(wanted.pool, pools),
      example: `token create --name ${wanted.name} --scope agent --pool ${pools[0]}`,
    });
  return await withStore(async ({ database }) => {
    const { token: made, secret } = await tokenStore(database.db).create(wanted, new Date());
    const { id, name, scopes: given } = made;
    print(json, { id, name, scopes: given, pool: made.pool, secret }, `${secret}\nIt is shown this once.`);
    return 0;
  });
}

async function listTokens({ db }: Database, json: boolean | undefined): Promise<number> {
  const list = await tokenStore(db).list();
  const line = ({ id, name, scopes: given, pool, revokedAt }: (typeof list)[number]) =>
    `${id}  ${name}  ${given.join(',')}${pool ? `  pool ${pool}` : ''}${revokedAt ? '  revoked' : ''}`;
  print(json, list, list.map(line).join('\n') || 'There are no tokens.');
  return 0;
}

async function revokeToken(subject: string | undefined, json: boolean | undefined): Promise<number> {
  if (!subject)
    throw new SignalboxError('ARGUMENT_MISSING', {
      command: 'token revoke',
      word: 'the id or the name of a token',
      example: 'token revoke ci',
    });
  return await withStore(async ({ database }) => {
    const revoked = await tokenStore(database.db).revoke(subject, new Date());
    const text = revoked ? 'The token is revoked.' : 'There is no such token, or it is revoked already.';
    print(json, { revoked }, text);
    return revoked ? 0 : 1;
  });
}

function scopesOf(words: string[], example: string): Scope[] {
  if (words.length === 0)
    throw new SignalboxError('ARGUMENT_MISSING', {
      command: 'token create',
      word: '--scope',
      reason: `It is one of ${scopes.join(', ')}, and may be given several times.`,
      example,
    });
  const unknown = words.find(word => !scopes.some(scope => scope === word));
  if (unknown !== undefined) {
    throw new SignalboxError('VALUE_INVALID', {
      word: unknown,
      name: '--scope',
      allowed: scopes,
      nearest: nearest(unknown, scopes),
      example,
    });
  }
  return scopes.filter(scope => words.includes(scope));
}
