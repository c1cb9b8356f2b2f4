import { alertProblems } from './alerts/check-alerts.ts';
import { githubSource } from './github-source.ts';
import { accountsOf } from './people.ts';
import type { Policy } from './policy.ts';
import type { Flavor } from './pool.ts';
import { modelProblems } from './promotion/check-models.ts';

/** What is wrong with `signalbox.yml`, and at which key. */
export interface PolicyProblem {
  path: readonly PropertyKey[];
  word: string;
  reason: string;
  /** Where inside of the text that stands there, from 0. */
  within?: number;
  allowed?: readonly string[];
}

type Problems = Generator<PolicyProblem, void>;

/** What a schema cannot see: names that must lead somewhere, and things that cannot be so together. Null: nothing. */
export function policyProblem(policy: Policy): PolicyProblem | null {
  for (const check of [people, groups, pools, flavors, queues, projects, targets, models]) {
    const [first] = check(policy);
    if (first) return first;
  }
  return null;
}

function* people({ people, teams }: Policy): Problems {
  const owners = new Map<string, string>();
  for (const [i, person] of people.entries()) {
    const accounts = accountsOf(person);
    if (accounts.length === 0)
      yield {
        path: ['people', i],
        word: person.name,
        reason: 'No account of theirs is named: slack, github, jira or tokens.',
      };
    for (const account of accounts) {
      const owner = owners.get(account);
      if (owner !== undefined)
        yield {
          path: ['people', i],
          word: account,
          reason: `It belongs to ${owner} already, and to one person only.`,
        };
      owners.set(account, person.name);
    }
    const { oidc } = person;
    const same = oidc === undefined ? undefined : people.slice(0, i).find(one => one.oidc === oidc);
    if (oidc !== undefined && same)
      yield {
        path: ['people', i, 'oidc'],
        word: oidc,
        reason: `It belongs to ${same.name} already, and to one person only.`,
      };
    for (const [j, team] of person.teams.entries())
      if (!Object.hasOwn(teams, team))
        yield { path: ['people', i, 'teams', j], ...noSuch('team', team, Object.keys(teams)) };
  }
}

/** A group gives one role, and stands once in a list. */
function* groups({ teams, roles }: Policy): Problems {
  const givers = new Map<string, string>();
  for (const [role, groups = []] of Object.entries(roles))
    for (const [i, group] of groups.entries()) {
      const giver = givers.get(group);
      if (giver !== undefined)
        yield {
          path: ['roles', role, i],
          word: group,
          reason: `It stands under ${giver} already, and a group gives one role.`,
        };
      givers.set(group, role);
    }
  for (const [team, { groups }] of Object.entries(teams)) {
    const twice = groups.findIndex((group, i) => groups.indexOf(group) !== i);
    if (twice >= 0)
      yield {
        path: ['teams', team, 'groups', twice],
        word: groups[twice] ?? '',
        reason: 'It stands there twice.',
      };
  }
}

function* pools({ pools, flavors }: Policy): Problems {
  for (const [name, pool] of Object.entries(pools)) {
    const at = ['pools', name];
    const own = pool.flavors ?? [];
    for (const [i, flavor] of own.entries()) {
      const path = [...at, 'flavors', i];
      const one = Object.hasOwn(flavors, flavor) ? flavors[flavor] : undefined;
      if (!one) {
        yield { path, ...noSuch('flavor', flavor, Object.keys(flavors)) };
        continue;
      }
      const earlier = own.slice(0, i);
      if (earlier.includes(flavor)) yield { path, word: flavor, reason: 'It stands here twice.' };
      const like = earlier.find(other => Object.hasOwn(flavors, other) && overlap(one, flavors[other]));
      if (like !== undefined)
        yield {
          path,
          word: flavor,
          reason: `The same accelerator could be ${like} or ${flavor}. Two of one resource in a pool need a \`model\` each, and neither may be a part of the other.`,
        };
    }
    for (const [node, caps] of Object.entries(pool.nodes ?? {}))
      for (const flavor of Object.keys(caps))
        if (!own.includes(flavor)) yield { path: [...at, 'nodes', node, flavor], ...notHere(flavor, own) };
    for (const flavor of Object.keys(pool.prices))
      if (!own.includes(flavor)) yield { path: [...at, 'prices', flavor], ...notHere(flavor, own) };
  }
  const [first] = Object.keys(pools);
  if (first !== undefined && Object.values(pools).every(pool => pool.backup))
    yield {
      path: ['pools', first, 'backup'],
      word: 'backup',
      reason: 'Every pool is a backup, and none is left that it could be one for.',
    };
}

function* flavors({ flavors, pools }: Policy): Problems {
  const used = new Set(Object.values(pools).flatMap(pool => pool.flavors ?? []));
  for (const name of Object.keys(flavors))
    if (!used.has(name))
      yield { path: ['flavors', name], word: name, reason: 'No pool has it under its `flavors`.' };
}

function* queues({ teams, flavors, projects }: Policy): Problems {
  for (const [name, { queue }] of Object.entries(teams)) {
    for (const [flavor, { quota, lend }] of Object.entries(queue?.quotas ?? {})) {
      const path = ['teams', name, 'queue', 'quotas', flavor];
      if (!Object.hasOwn(flavors, flavor)) yield { path, ...noSuch('flavor', flavor, Object.keys(flavors)) };
      if (lend !== undefined && lend > quota)
        yield {
          path: [...path, 'lend'],
          word: 'lend',
          reason: `A team cannot lend ${lend} when its quota is ${quota}.`,
        };
    }
  }
  const [queued] = Object.entries(teams).find(([, team]) => team.queue !== undefined) ?? [];
  if (queued === undefined) return;
  for (const [project, { team }] of Object.entries(projects))
    if (Object.hasOwn(teams, team) && teams[team]?.queue === undefined)
      yield {
        path: ['teams', team],
        word: team,
        reason: `It has no \`queue\`, so that runs of its project ${project} would be bound by nothing, while ${queued} has one.`,
      };
}

function* projects({ projects, teams, pools, environments }: Policy): Problems {
  for (const [name, project] of Object.entries(projects)) {
    const at = ['projects', name];
    if (!Object.hasOwn(teams, project.team))
      yield { path: [...at, 'team'], ...noSuch('team', project.team, Object.keys(teams)) };
    if (project.runsIn !== undefined && !Object.hasOwn(environments, project.runsIn))
      yield {
        path: [...at, 'runsIn'],
        ...noSuch('environment', project.runsIn, Object.keys(environments)),
      };
    if (project.pool !== undefined && !Object.hasOwn(pools, project.pool))
      yield { path: [...at, 'pool'], ...noSuch('pool', project.pool, Object.keys(pools)) };
    const twice = Object.keys(project.secrets).find(secret => Object.hasOwn(project.environment, secret));
    if (twice !== undefined)
      yield {
        path: [...at, 'secrets', twice],
        word: twice,
        reason: 'It stands under `environment` too, with a value that everybody can read.',
      };
    // What its repository says of its metrics is not known yet.
    yield* alertProblems(project, [...at, 'alerts'], githubSource(project.source) === null);
    const parameters = Object.keys(project.parameters);
    for (const [i, argument] of project.command.entries()) {
      const unknown = [...argument.matchAll(/\{([A-Za-z][A-Za-z0-9_]*)\}/g)].find(
        match => !parameters.includes(match[1] ?? ''),
      );
      if (unknown && !project.shell)
        yield {
          path: [...at, 'command', i],
          word: unknown[0],
          reason: 'The command names a parameter that the project has not.',
          allowed: parameters,
        };
    }
    if (project.shell && project.command.length !== 1)
      yield {
        path: [...at, 'command'],
        word: 'command',
        reason: 'With `shell: true` the command is one string in the list.',
      };
  }
}

function* targets({ targets, pools, projects }: Policy): Problems {
  const ports = new Map<string, string>();
  for (const [name, target] of Object.entries(targets)) {
    const at = ['targets', name];
    for (const [i, project] of target.projects.entries())
      if (!Object.hasOwn(projects, project))
        yield { path: [...at, 'projects', i], ...noSuch('project', project, Object.keys(projects)) };
    if (target.kind !== 'process') continue;
    if (!Object.hasOwn(pools, target.pool))
      yield { path: [...at, 'pool'], ...noSuch('pool', target.pool, Object.keys(pools)) };
    const place = `${target.pool} ${target.port}`;
    const owner = ports.get(place);
    if (owner !== undefined)
      yield {
        path: [...at, 'port'],
        word: String(target.port),
        reason: `${owner} has that port in pool ${target.pool} already.`,
      };
    ports.set(place, name);
  }
}

function models({ models, projects, targets, teams }: Policy): Problems {
  const outputs = Object.entries(projects).map(([name, { source, outputs }]) => {
    // A repository may declare other outputs.
    return [name, githubSource(source) ? null : outputs] as const;
  });
  return modelProblems(models, {
    ...{ outputs: Object.fromEntries(outputs), noProject: 'There is no such project.' },
    ...{ projects, targets, teams, onlyOpen: false, taken: new Map() },
  });
}

/** Whether the file alone shows that one accelerator can be both. */
function overlap(a: Flavor, b: Flavor | undefined): boolean {
  if (!b || a.resource !== b.resource) return false;
  const [one, other] = [a.model ?? '', b.model ?? ''].map(model => model.toLowerCase());
  return (one ?? '').includes(other ?? '') || (other ?? '').includes(one ?? '');
}

function noSuch(what: string, word: string, allowed: readonly string[]) {
  return { word, reason: `There is no such ${what}.`, allowed };
}

function notHere(word: string, own: readonly string[]) {
  if (own.length > 0) return { word, reason: 'The pool has no such flavor.', allowed: own };
  return { word, reason: 'The pool names no `flavors`.' };
}
