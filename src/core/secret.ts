import type { Place } from './actor.ts';
import type { Project } from './project.ts';
import type { RunSpec } from './run.ts';

/** What may set off a run. */
export const triggers = [
  'command',
  'pull-request',
  'merge',
  'schedule',
  'drift',
  'api',
  'promotion',
] as const;
export type Trigger = (typeof triggers)[number];

/**
 * Who proposes a change chooses what runs in it: a pull request sees only what is named for it. So does what evaluates and serves versions
 * of a model, which goes on for long and answers anybody.
 */
export const trustedTriggers: Trigger[] = triggers.filter(
  trigger => trigger !== 'pull-request' && trigger !== 'promotion',
);

/** Names by which a value would change what programs do, or would stand in for what Signalbox itself says. */
const reserved =
  /^(?:SIGNALBOX_.*|(?:LD|DYLD|MALLOC|GLIBC|CUDA|HIP|ROCR|NODE|NPM|GIT|MASTER|LC)_.*|PATH|HOME|SHELL|USER|LOGNAME|PWD|OLDPWD|LANG|TZ|TMPDIR|IFS|ENV|BASH_ENV|PS4|SHELLOPTS|BASHOPTS|GCONV_PATH|PYTHON.*|PERL5.*|RUBY(?:OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|RANK|WORLD_SIZE|LOCAL_RANK)$/;

/** Whether a secret may have this name: that of an environment variable which means nothing to anybody else. */
export function mayNameSecret(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name) && !reserved.test(name.toUpperCase());
}

/** What set off a run that was asked for in this place. */
function triggerIn(place: Place): Trigger {
  switch (place.kind) {
    case 'slack':
      return 'command';
    case 'github':
      return place.pull ? 'pull-request' : 'command';
    case 'http':
    case 'queue':
      return 'api';
  }
}

/**
 * What a run is recorded with: what set it off, and the names of the secrets that it may see by the project as it is now. Whoever runs
 * again what a pull request proposed still runs what somebody else wrote, so that such a run stays one of a pull request.
 */
export function sightOf(
  spec: Pick<RunSpec, 'project'> & Partial<Pick<RunSpec, 'trigger'>>,
  place: Place,
  projects: Record<string, Pick<Project, 'secrets'>>,
): Pick<RunSpec, 'trigger' | 'secrets'> {
  const trigger = spec.trigger === 'pull-request' ? spec.trigger : triggerIn(place);
  return sightBy(trigger, spec.project, projects);
}

/** The same for what evaluates or serves a version: what a pull request proposed stays so when it is promoted. `made`: the version's run. */
export function sightOfVersion(
  project: string,
  made: { spec: Pick<RunSpec, 'trigger'> } | null,
  projects: Record<string, Pick<Project, 'secrets'>>,
): Pick<RunSpec, 'trigger' | 'secrets'> {
  const isReviewed = made !== null && made.spec.trigger !== 'pull-request';
  return sightBy(isReviewed ? 'promotion' : 'pull-request', project, projects);
}

/** The same for what set it off. */
export function sightBy(
  trigger: Trigger,
  project: string,
  projects: Record<string, Pick<Project, 'secrets'>>,
): Pick<RunSpec, 'trigger' | 'secrets'> {
  const secrets = Object.hasOwn(projects, project) ? projects[project]?.secrets : undefined;
  const seen = Object.entries(secrets ?? {}).filter(([, secret]) => secret.triggers.includes(trigger));
  return { trigger, secrets: seen.map(([name]) => name) };
}
