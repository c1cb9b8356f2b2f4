import type { Installation, InstallationStore } from '../../../src/core/ports.ts';

/** Installations in memory, with how often they were asked for. */
export function memoryInstallations(first: Installation[] = []) {
  let all = first;
  const asked: (string | null)[] = [];
  const found = (team: string | null, enterprise: string | null) =>
    all.find(one => one.team !== null && one.team === team) ??
    all.find(one => one.team === null && one.enterprise !== null && one.enterprise === enterprise);
  const store: InstallationStore = {
    async save(installation) {
      all = [...all.filter(one => one.team !== installation.team), installation];
    },
    async find(team, enterprise) {
      asked.push(team ?? enterprise);
      return found(team, enterprise) ?? null;
    },
    async revoke({ team, enterprise }, _why, _now, only = {}) {
      const there = found(team, enterprise);
      if (!there || (only.botToken && only.botToken !== there.botToken)) return false;
      all = all.filter(one => one !== there);
      return true;
    },
  };
  return { store, asked, all: () => all };
}

export function installation(team: string, botToken: string, more: Partial<Installation> = {}): Installation {
  const rest = { enterprise: null, name: team, botUser: 'UBOT', scopes: [], installedBy: 'U1' };
  return { team, botToken, ...rest, ...more };
}
