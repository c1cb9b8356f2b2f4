import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const identity = {
  GIT_AUTHOR_NAME: 'octocat',
  GIT_AUTHOR_EMAIL: 'octocat@example.com',
  GIT_COMMITTER_NAME: 'octocat',
  GIT_COMMITTER_EMAIL: 'octocat@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
};

export interface Repository {
  folder: string;
  /** Runs git there; answers what it printed, trimmed. */
  git(...args: string[]): string;
  /** Writes the files and commits all; answers the commit. */
  commit(message: string, files: Record<string, string>): string;
}

/** A real Git repository on the branch `main`. */
export function makeRepository(folder: string): Repository {
  mkdirSync(folder, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', folder, ...args], {
      env: { PATH: process.env.PATH, HOME: folder, ...identity },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
      .toString()
      .trim();
  git('init', '--quiet', '--initial-branch=main');
  return {
    folder,
    git,
    commit(message, files) {
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
}
