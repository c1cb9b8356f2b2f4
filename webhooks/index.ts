import type { WebhookDefinition } from '../src/core/webhook.ts';
import { githubCheckRun } from './github-check-run.ts';
import { githubCheckSuite } from './github-check-suite.ts';
import { githubIssueComment } from './github-issue-comment.ts';
import { githubMergeGroup } from './github-merge-group.ts';
import { githubPullRequest } from './github-pull-request.ts';
import { githubPullRequestLabel } from './github-pull-request-label.ts';
import { githubPullRequestReview } from './github-pull-request-review.ts';
import { githubPush } from './github-push.ts';
import { mlflowAlias } from './mlflow-alias.ts';
import { slackCommand } from './slack-command.ts';
import { slackGroup } from './slack-group.ts';
import { slackHome } from './slack-home.ts';
import { slackInteraction } from './slack-interaction.ts';
import { slackSubmission } from './slack-submission.ts';

/** All that machines can tell us. A test holds this list equal to the folder. */
export const webhooks: readonly WebhookDefinition[] = [
  githubCheckRun,
  githubCheckSuite,
  githubIssueComment,
  githubMergeGroup,
  githubPullRequest,
  githubPullRequestLabel,
  githubPullRequestReview,
  githubPush,
  mlflowAlias,
  slackCommand,
  slackGroup,
  slackHome,
  slackInteraction,
  slackSubmission,
];
