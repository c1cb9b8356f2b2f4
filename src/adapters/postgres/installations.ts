import { sql } from 'kysely';
import { system } from '../../core/actor.ts';
import type { Installation, InstallationStore } from '../../core/ports.ts';
import { appendAudit } from './audit.ts';
import type { Db } from './database.ts';
import { sealsWith } from './seal.ts';

/** `keys`, of 32 bytes each: the first encrypts the bots' tokens, all of them decrypt. */
export function installationStore(db: Db, keys: readonly Uint8Array[]): InstallationStore {
  const seals = sealsWith(keys);
  return {
    async save(installation, now) {
      const { team, enterprise, name, botUser, scopes, installedBy } = installation;
      const workspace = idOf(installation);
      const sealed = seals.seal(installation.botToken, ownerOf(workspace));
      const values = {
        ...{ team, enterprise, name, scopes },
        bot_user: botUser,
        token: sealed.bytes,
        key_id: sealed.keyId,
        installed_by: installedBy,
        installed_at: now,
        revoked_at: null,
      };
      await db.transaction().execute(async tx => {
        await tx
          .insertInto('installations')
          .values({ workspace, ...values })
          .onConflict(conflict => conflict.column('workspace').doUpdateSet(values))
          .execute();
        const actor = {
          kind: 'slack',
          id: `${team ?? enterprise}/${installedBy}`,
          name: installedBy,
        } as const;
        const details = { name, scopes };
        await appendAudit(
          tx,
          { actor, action: 'slack.install', subject: `slack:${workspace}`, outcome: 'done', details },
          now,
        );
      });
    },
    async find(team, enterprise) {
      const ids = [team, enterprise].filter(id => id !== null);
      if (ids.length === 0) return null;
      const rows = await db
        .selectFrom('installations')
        .selectAll()
        .where('workspace', 'in', ids)
        .where('revoked_at', 'is', null)
        .execute();
      const row = rows.find(one => one.workspace === team) ?? rows[0];
      if (!row) return null;
      const { name, scopes, bot_user: botUser, installed_by: installedBy } = row;
      const sealed = { keyId: row.key_id, bytes: row.token };
      const botToken = seals.open(sealed, ownerOf(row.workspace));
      return { team: row.team, enterprise: row.enterprise, name, botToken, botUser, scopes, installedBy };
    },
    async revoke(which, why, now, only = {}) {
      return await db.transaction().execute(async tx => {
        const ids = [which.team, which.enterprise].filter(id => id !== null);
        if (ids.length === 0) return false;
        const rows = await tx
          .selectFrom('installations')
          .selectAll()
          .where('workspace', 'in', ids)
          .where('revoked_at', 'is', null)
          .forUpdate()
          .execute();
        const row = rows.find(one => one.workspace === which.team) ?? rows[0];
        if (!row) return false;
        if (only.installedBefore && row.installed_at > only.installedBefore) return false;
        if (only.botUsers && !only.botUsers.includes(row.bot_user)) return false;
        const sealed = { keyId: row.key_id, bytes: row.token };
        if (only.botToken && seals.open(sealed, ownerOf(row.workspace)) !== only.botToken) return false;
        await tx
          .updateTable('installations')
          // The token is of no more use to anybody.
          .set({ revoked_at: now, token: sql<Buffer>`''::bytea`, key_id: '' })
          .where('workspace', '=', row.workspace)
          .execute();
        const subject = `slack:${row.workspace}`;
        const details = { why };
        await appendAudit(
          tx,
          { actor: system, action: 'slack.uninstall', subject, outcome: 'done', details },
          now,
        );
        return true;
      });
    },
  };
}

function idOf({ team, enterprise }: Pick<Installation, 'team' | 'enterprise'>): string {
  const id = team ?? enterprise;
  if (id === null) throw new Error('an installation belongs to a workspace or an organisation');
  return id;
}

function ownerOf(workspace: string): string {
  return `slack:${workspace}`;
}
