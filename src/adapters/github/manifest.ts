const address = 'https://signalbox.example.com';

/** Each for what Signalbox does with it; nothing of a repository's code is ever written. */
const permissions = {
  metadata: 'read',
  // `.signalbox.yml`, what is trained, and what happened to branches.
  contents: 'read',
  // Comments, and signs at them.
  issues: 'write',
  pull_requests: 'write',
  checks: 'write',
  deployments: 'write',
  merge_queues: 'read',
  // Of teams that give roles.
  members: 'read',
} as const;

/**
 * The GitHub App as a manifest (https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest). `events`:
 * what is listened to. Every address is to be replaced by the one where Signalbox is reached.
 */
export function githubManifest(events: readonly string[]): unknown {
  return {
    name: 'Signalbox',
    description: 'Train on shared GPUs: asked for in a comment, queued, explained, shown',
    url: address,
    public: false,
    hook_attributes: { url: `${address}/webhooks/github`, active: true },
    callback_urls: [`${address}/auth/github/callback`],
    default_permissions: permissions,
    // Several may listen to one.
    default_events: [...new Set(events)].sort(),
  };
}
