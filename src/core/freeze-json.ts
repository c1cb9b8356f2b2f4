import { type Freeze, scopeName } from './freeze.ts';

/** As `--json` and the API show it. */
export function freezeJson({ id, kind, scope, why, by, since }: Freeze) {
  const { name, id: person } = by;
  return {
    id,
    kind,
    what: scopeName(scope),
    why,
    by: { kind: by.kind, id: person, name },
    since: since.toISOString(),
  };
}
