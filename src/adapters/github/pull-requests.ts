import { z } from 'zod';
import { pullSchema } from '../../core/github-told.ts';
import type { PullRequestsPort } from '../../core/ports.ts';
import { byId, type GitHubCall } from './calls.ts';
import { GitHubError } from './errors.ts';

/** https://docs.github.com/en/rest/pulls/reviews#get-a-review-for-a-pull-request */
const reviewSchema = z.object({ state: z.string() });

/** Pull requests as GitHub has them now. Throws `GitHubError`. */
export function githubPullRequests(call: GitHubCall): PullRequestsPort {
  return {
    async get({ id, name, installation }, number) {
      const [owner = '', repo = ''] = name.split('/');
      try {
        const { data } = await call(installation, { writes: false }, client =>
          byId(client, id).rest.pulls.get({ owner, repo, pull_number: number }),
        );
        return pullSchema.parse(data);
      } catch (error) {
        if (error instanceof GitHubError && error.outcome === 'missing') return null;
        throw error;
      }
    },
    async mergedBy({ id, name, installation }, sha) {
      const [owner = '', repo = ''] = name.split('/');
      const { data } = await call(installation, { writes: false }, client =>
        byId(client, id).rest.repos.listPullRequestsAssociatedWithCommit({ owner, repo, commit_sha: sha }),
      );
      const merged = data.find(
        one => one.base.repo.id === id && one.merged_at !== null && one.merge_commit_sha === sha,
      );
      return merged ? pullSchema.parse(merged) : null;
    },
    async review({ id, name, installation }, pull_number, review_id) {
      const [owner = '', repo = ''] = name.split('/');
      try {
        const { data } = await call(installation, { writes: false }, client =>
          byId(client, id).rest.pulls.getReview({ owner, repo, pull_number, review_id }),
        );
        const { state } = reviewSchema.parse(data);
        return state === 'APPROVED' ? 'approve' : state === 'CHANGES_REQUESTED' ? 'reject' : null;
      } catch (error) {
        if (error instanceof GitHubError && error.outcome === 'missing') return null;
        throw error;
      }
    },
  };
}
