/** Where a project's code lives, where GitHub is told by name: `octo-org/digits`, or with its id behind it: `octo-org/digits#42`. */
export const repositoryPattern =
  /^[A-Za-z\d](?:-?[A-Za-z\d]){0,38}\/(?!\.{1,2}(?:#|$))[\w.-]{1,100}(?:#[1-9]\d{0,14})?$/;

export interface GitHubSource {
  /** `owner/repo` in lower case, for GitHub knows no other; as it was when it was written. */
  name: string;
  /** It survives that the repository is renamed; null: whichever had the name first. */
  id: number | null;
}

const scheme = 'github:';

/** What a source of a project means, where it is a repository on GitHub; null: it is something else. */
export function githubSource(source: string): GitHubSource | null {
  if (!source.startsWith(scheme)) return null;
  const said = source.slice(scheme.length);
  if (!repositoryPattern.test(said)) return null;
  const [name = '', id] = said.split('#');
  return { name: name.toLowerCase(), id: id === undefined ? null : Number(id) };
}

/** Where GitHub (`web`) shows how one commit of a source differs from another; null: the source is not there. */
export function diffPage(web: string, source: string, from: string, to: string): string | null {
  const repository = githubSource(source)?.name;
  return repository === undefined ? null : `${web}/${repository}/compare/${from}...${to}`;
}

/** As `source` of a project or a run. */
export function sourceOn(repository: string): string {
  return `${scheme}${repository}`;
}

/** `github:...`, `https://...`, or `git@host:path`: whatever is no folder. */
export function isAddress(source: string): boolean {
  return githubSource(source) !== null || /^[a-z+]+:\/\/|^[\w.-]+@[\w.-]+:/.test(source);
}
