import { z } from 'zod';
import type { Actor, GitHubPlace } from './actor.ts';
import type { GitHubUser } from './ports.ts';

/** Of a repository, as every delivery of GitHub names it. */
export const repositorySchema = z.object({
  id: z.int(),
  full_name: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  private: z.boolean(),
});

/** An account of GitHub; `type` is `User` for people. */
export const senderSchema = z.object({
  id: z.int(),
  login: z.string().min(1),
  type: z.string().default('User'),
});

/** Who that is here, and the number by which GitHub knows them whatever they are called. */
export function githubSender({ id, login }: { id: number; login: string }): {
  actor: Actor;
  account: GitHubUser;
} {
  const name = login.toLowerCase();
  return { actor: { kind: 'github', id: name, name: login }, account: { id, account: `github:${name}` } };
}

/** The conversation of an issue or a pull request, as a delivery names it. */
export function githubPlace(
  told: { installation: { id: number }; repository: z.infer<typeof repositorySchema> },
  { issue, pull, user }: Pick<GitHubPlace, 'issue' | 'pull' | 'user'>,
): GitHubPlace {
  const { id: repo, full_name: name, private: isPrivate } = told.repository;
  return {
    ...{ kind: 'github', installation: told.installation.id, repo, name, isPublic: !isPrivate },
    ...{ issue, pull, user },
  };
}
