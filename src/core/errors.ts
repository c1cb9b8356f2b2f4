/**
 * Every error that a person can see: what happened, why, and what to do. Codes are never reused; `docs/errors.md` is held equal to this
 * catalogue by a test. `{word}` is filled from the details given with the code; a detail that is absent leaves its sentence out.
 */
export const errors = {
  // What was typed.
  COMMAND_EMPTY: {
    status: 400,
    what: 'There is no command here.',
    why: 'The line holds no words.',
    todo: 'Try {example}.',
  },
  COMMAND_UNKNOWN: {
    status: 400,
    what: 'There is no command {word}.',
    why: 'The commands are {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  COMMAND_TOO_LONG: {
    status: 400,
    what: 'The command is too long ({length} characters).',
    why: 'At most {limit} characters are read.',
    todo: 'Shorten it, for example {example}.',
  },
  COMMAND_UNREADABLE: {
    status: 400,
    what: 'The command cannot be read at {word}.',
    why: '{reason}',
    todo: 'Try {example}.',
  },
  FLAG_UNKNOWN: {
    status: 400,
    what: '{command} has no flag {word}.',
    why: 'Its flags are {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  FLAG_REPEATED: {
    status: 400,
    what: 'The flag {word} is given twice.',
    why: 'It has one value.',
    todo: 'Give it once, for example {example}.',
  },
  FLAG_VALUE_MISSING: {
    status: 400,
    what: 'The flag {word} has no value.',
    why: 'It takes {allowed}.',
    todo: 'Try {example}.',
  },
  ARGUMENT_MISSING: { status: 400, what: '{command} needs {word}.', why: '{reason}', todo: 'Try {example}.' },
  ARGUMENT_UNEXPECTED: {
    status: 400,
    what: '{command} does not understand {word}.',
    why: 'It takes no further words.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  VALUE_INVALID: {
    status: 400,
    what: '{word} is not a value for {name}.',
    why: 'It takes {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  PARAMETER_UNKNOWN: {
    status: 400,
    what: '{project} has no parameter {word}.',
    why: 'Its parameters are {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  PARAMETER_INVALID: {
    status: 400,
    what: '{word} is not a value for the parameter {name}.',
    why: 'It takes {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  SWEEP_INVALID: {
    status: 400,
    what: '{word} is not what a sweep can go over.',
    why: '{reason} It takes values with commas between them, or a range such as 0..1:5 or 1e-4..1e-2:5log.',
    todo: 'Try {example}.',
  },
  SWEEP_TOO_LARGE: {
    status: 400,
    what: 'The sweep would have {word} runs.',
    why: 'A sweep has at most {limit}: one for each combination of its values.',
    todo: 'Leave some values out, for example {example}.',
  },
  EARLY_STOP_UNSURE: {
    status: 400,
    what: 'Nobody can say which members of the sweep would be hopeless.',
    why: '{reason}',
    todo: 'Leave --early-stop out, or say it in the project: `primaryMetric`, and which way it gets better under `metrics`.',
  },
  SWEEP_NOT_FOUND: {
    status: 404,
    what: 'There is no sweep S{word}.',
    why: 'The newest is S{newest}.',
    todo: 'How one is asked for: {example}.',
  },
  SWEEP_ALREADY_ENDED: {
    status: 409,
    what: 'Sweep S{number} has already ended.',
    why: 'None of its runs waits or works.',
    todo: 'See what it came to: {example}.',
  },
  FORM_NOT_OPENED: {
    status: 503,
    what: 'The form cannot be opened.',
    why: '{reason}',
    todo: 'Try again, or type it instead: {example}.',
  },
  FORM_NOT_TAKEN: {
    status: 503,
    what: 'The form cannot be taken now.',
    why: '{reason}',
    todo: 'Nothing was done. Send it again in a moment.',
  },
  FORM_SENT: {
    status: 409,
    what: 'This form was sent before, with other values.',
    why: 'What was sent first counts.',
    todo: 'Close it, and open another one for another run.',
  },
  // What it is about.
  PROJECT_UNKNOWN: {
    status: 404,
    what: 'There is no project {word}.',
    why: 'The projects are {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  PROJECT_NONE: {
    status: 404,
    what: 'No project is configured.',
    why: 'signalbox.yml names none.',
    todo: 'Ask the platform engineer to add one under `projects:` and restart.',
  },
  MODEL_NONE: {
    status: 404,
    what: 'No model is declared.',
    why: 'Neither signalbox.yml nor a .signalbox.yml names one.',
    todo: 'Add one under `models:`.',
  },
  ENVIRONMENT_UNKNOWN: {
    status: 404,
    what: '{model} has no environment {word}.',
    why: 'It has {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  PROMOTION_UNKNOWN: {
    status: 404,
    what: 'There is no promotion {word}.',
    why: 'Promotions are called P1, P2 and so on.',
    todo: 'Try {example}.',
  },
  PROMOTION_ORDER: {
    status: 409,
    what: '{model} {version} may not go to {environment} yet.',
    why: 'It has not been live in {before}, which comes first.',
    todo: 'Promote it there first: {example}.',
  },
  PROMOTION_SERVES: {
    status: 409,
    what: '{model} {version} serves in {environment} already.',
    why: 'It is the version that answers there now.',
    todo: 'To see how it came there: {example}.',
  },
  PROMOTION_ALL_LIVE: {
    status: 409,
    what: '{model} {version} has been live in all its environments.',
    why: 'Without --to it goes to the first one in which it has not.',
    todo: 'Name one, for example {example}.',
  },
  PROMOTION_NOWHERE: {
    status: 409,
    what: '{model} cannot be promoted.',
    why: '{reason}',
    todo: '{todo}',
  },
  PROMOTION_OVER: {
    status: 409,
    what: '{word} is over.',
    why: '{reason}',
    todo: 'To see what came of it: {example}.',
  },
  PROMOTION_NOT_ASKED: {
    status: 409,
    what: '{word} waits for no answer.',
    why: '{reason}',
    todo: 'To see what comes of it: {example}.',
  },
  PROMOTION_CHANGED: {
    status: 409,
    what: 'What {word} is decided on has changed since you were shown it.',
    why: '{reason}',
    todo: 'Look at its message again, and answer then.',
  },
  REVIEW_UNCLEAR: {
    status: 409,
    what: 'This review decides nothing about {word}.',
    why: '{reason}',
    todo: 'It is decided by {who}. Who looked at what it says may say so here: {example}.',
  },
  PROMOTION_LABEL: {
    status: 409,
    what: '{word} asks for no promotion here.',
    why: '{reason}',
    todo: '{todo}',
  },
  PROMOTION_MOVING: {
    status: 409,
    what: '{word} is being rolled out.',
    why: 'What has begun to serve is not cancelled, but rolled back.',
    todo: 'Try {example}.',
  },
  PROMOTION_PASS: {
    status: 403,
    what: 'Approvals may not be passed.',
    why: 'Only whoever is an operator by breakglass may do without them.',
    todo: 'In an emergency: {example}.',
  },
  STEP_UP_OFF: {
    status: 409,
    what: '{word} cannot be approved.',
    why: 'Its approval needs a second factor (`stepUp: true`), and no OpenID Connect provider is configured.',
    todo: 'Ask an operator to set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.',
  },
  STEP_UP_ELSEWHERE: {
    status: 422,
    what: 'Approving {word} needs a second factor, which cannot be asked for here.',
    why: '{reason}',
    todo: 'Press Approve under its message in Slack, or say there {example}.',
  },
  STEP_UP_UNNAMED: {
    status: 403,
    what: 'You cannot approve {word}.',
    why: 'It needs a second factor, and signalbox.yml does not say who you are at the provider that asks for it.',
    todo: 'Ask an operator to name you under `people:` with `oidc` or `email`.',
  },
  STEP_UP_FAILED: {
    status: 400,
    what: 'Nothing was approved.',
    why: '{reason}',
    todo: '{todo}',
  },
  ROLLBACK_NEVER_LIVE: {
    status: 409,
    what: '{model} cannot go back to {version} in {environment}.',
    why: '{reason}',
    todo: 'To see what has served there: {example}.',
  },
  ROLLBACK_NOT_LIVE: {
    status: 409,
    what: 'What {word} brought does not serve in {environment} any more.',
    why: '{reason}',
    todo: 'To go back from what serves there now: {example}.',
  },
  ARTIFACT_UNKNOWN: {
    status: 404,
    what: 'Run #{run} has no artifact {word}.',
    why: 'It has {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  ARTIFACT_GONE: {
    status: 410,
    what: 'The content of {word} is not in the store any more.',
    why: '{reason}',
    todo: 'Ask the platform engineer, or run it again.',
  },
  OUTPUTS_TOO_LARGE: {
    status: 413,
    what: 'The outputs of run #{run} hold {word} MB together.',
    why: 'At most {limit} MB are kept (ARTIFACTS_MAX_MB).',
    todo: 'Name less under `outputs`, or ask the platform engineer for more.',
  },
  CONTENT_REFUSED: {
    status: 422,
    what: 'The content is not what was announced.',
    why: '{reason}',
    todo: 'Send it again.',
  },
  ARTIFACTS_UNAVAILABLE: {
    status: 503,
    what: 'The store of artifacts cannot be used.',
    why: '{reason}',
    todo: 'Try again in a moment. `signalbox doctor` says more.',
  },
  POOL_UNKNOWN: {
    status: 404,
    what: 'There is no pool {word}.',
    why: 'The pools are {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  REF_UNKNOWN: {
    status: 404,
    what: '{project} has no ref {word}.',
    why: 'It is no branch, tag or commit there. The branches are {allowed}.',
    todo: 'Did you mean {nearest}? Try {example}.',
  },
  REF_AMBIGUOUS: {
    status: 409,
    what: 'The ref {word} of {project} is ambiguous.',
    why: '{reason}',
    todo: 'Give the full commit, 40 characters.',
  },
  REPOSITORY_UNKNOWN: {
    status: 403,
    what: 'Nothing is trained from {word}.',
    why: 'No project of signalbox.yml has it as its `github`, or another repository had that name before.',
    todo: 'Ask an operator of Signalbox to name it there.',
  },
  REPOSITORY_FILE_INVALID: {
    status: 409,
    what: '{where}: {word} is not valid.',
    why: '{reason}',
    todo: 'Did you mean {nearest}? Correct it there: what a pull request says of it counts once it is merged.',
  },
  PULL_UNKNOWN: {
    status: 404,
    what: 'There is no pull request {word}.',
    why: 'GitHub shows none, or the repository has another name by now.',
    todo: 'Say it at the pull request again.',
  },
  HEAD_UNSURE: {
    status: 409,
    what: 'It is not certain which commit is meant.',
    why: 'The pull request was pushed to at about that time, or not all of its pushes were heard of.',
    todo: 'Look at its head, and if that is meant, say it again with --ref {name}.',
  },
  HEAD_OTHER: {
    status: 409,
    what: '{word} is not the head of this pull request.',
    why: 'Its head is {name}.',
    todo: 'Look at it, and name it with 7 to 40 of its digits, if that is meant.',
  },
  FORK_UNAPPROVED: {
    status: 403,
    what: 'Nobody has approved that this commit of a fork is run.',
    why: 'Its head is {name}, and an approval is void once something is pushed.',
    todo: 'Somebody who may write to this repository looks at it, and says {example}.',
  },
  POOL_NOT_ISOLATED: {
    status: 403,
    what: 'Runs of pull requests of {project} cannot go to {word}.',
    why: 'They go to pools with `isolated: true` alone, unless the project is `trusted: true`.',
    todo: 'Name another with --pool, or ask an operator.',
  },
  SOURCE_UNAVAILABLE: {
    status: 503,
    what: 'The source of {project} cannot be read.',
    why: '{reason}',
    todo: 'Try again in a minute; if it stays, the platform engineer finds more with `signalbox doctor`.',
  },
  RUN_NOT_FOUND: {
    status: 404,
    what: 'There is no run #{word}.',
    why: 'The newest is #{newest}.',
    todo: 'See the runs with {example}.',
  },
  MODEL_UNKNOWN: {
    status: 404,
    what: 'There is no model {word}.',
    why: 'Known: {allowed}.',
    todo: 'Did you mean {nearest}? See the models with {example}.',
  },
  VERSION_UNKNOWN: {
    status: 404,
    what: '{name} has no version {word}.',
    why: 'The newest is {newest}.',
    todo: 'See it with {example}.',
  },
  METRIC_UNKNOWN: {
    status: 404,
    what: 'Run #{number} has no curve of `{word}`.',
    why: 'It has reported {allowed}.',
    todo: 'Did you mean {nearest}? The names are those that its code reports.',
  },
  RUN_ALREADY_ENDED: {
    status: 409,
    what: 'Run #{number} has already ended ({state}).',
    why: 'Only a run that waits or works can be changed.',
    todo: 'To run it again: {example}.',
  },
  RUN_NOT_ENDED: {
    status: 409,
    what: 'Run #{number} has not ended ({state}).',
    why: 'Only a run that has ended is run again.',
    todo: 'Stop it first: {example}.',
  },
  RUN_NOT_WORKING: {
    status: 409,
    what: 'Run #{number} is not at work ({state}).',
    why: 'Only a run that works, and is not being stopped, can be given more time.',
    todo: 'See how it is doing: {example}.',
  },
  TIME_TOO_LONG: {
    status: 409,
    what: 'Run #{number} cannot be given {word} more.',
    why: 'It may take {limit} in all, twice the time limit of {project}, and has {now} already.',
    todo: 'Ask for {rest} or less, for example {example}. An operator may give it more.',
  },
  TIME_TOO_DEAR: {
    status: 409,
    what: 'Run #{number} cannot be given {word} more.',
    why: 'It would cost more than {limit}, which is what may be spent on it without asking.',
    todo: 'Ask for less, or an operator, who may give it more.',
  },
  GPUS_TOO_MANY: {
    status: 409,
    what: '{word} GPUs are more than any machine of the pool {pool} has ({limit}).',
    why: 'The run could never start.',
    todo: 'Ask for {limit} or fewer, for example {example}.',
  },
  GPUS_NONE: {
    status: 409,
    what: 'No machine of the pool {pool} has {word}.',
    why: 'The run could never start.',
    todo: '{todo}, for example {example}.',
  },
  // Leases, and what runs cost.
  TEAM_NEEDED: {
    status: 400,
    what: 'It is not clear for which team this is.',
    why: '{reason}',
    todo: 'Name one, for example {example}.',
  },
  TEAM_NONE: {
    status: 409,
    what: 'There is no team that this could be for.',
    why: 'You are in none, and what is held counts for a team.',
    todo: 'Ask an operator to add you to one under `people:` in signalbox.yml.',
  },
  LEASE_UNKNOWN: {
    status: 409,
    what: 'Run #{number} is no lease.',
    why: 'It trains {project}.',
    todo: 'Did you mean {example}?',
  },
  LEASE_MEANT: {
    status: 409,
    what: 'Run #{number} is a lease.',
    why: 'It holds accelerators for somebody, and trains nothing.',
    todo: 'Did you mean {example}?',
  },
  RUN_SERVES: {
    status: 409,
    what: 'Run #{number} serves {word}.',
    why: 'What serves comes and goes by promotions, and has no time limit.',
    todo: 'Promote or roll back its model instead.',
  },
  RUN_EVALUATES: {
    status: 409,
    what: 'Run #{number} evaluates {word}.',
    why: 'It belongs to that promotion, and a version is evaluated again only where that failed or is to be done in another way.',
    todo: 'Ask for the promotion again: {example}.',
  },
  LEASE_TOO_LONG: {
    status: 409,
    what: 'Lease #{number} cannot be given {word} more.',
    why: 'Nobody holds accelerators for more than {limit} from now, and it lasts {now} already.',
    todo: 'Ask for {rest} or less, for example {example}. An operator may give it more.',
  },
  LEASE_ELSEWHERE: {
    status: 404,
    what: 'Lease #{number} is not held on this machine.',
    why: '{reason}',
    todo: 'Type it on the machine that the message of the lease names; {example} shows all of them.',
  },
  LEASE_CLOSED: {
    status: 403,
    what: 'The folder of lease #{number} may not be entered.',
    why: 'The agent of this machine runs as another user, and only that user and root may.',
    todo: 'Type the same with `sudo`, or ask the operator of this machine.',
  },
  APPROVAL_OWN: {
    status: 403,
    what: 'You may not approve run #{number}.',
    why: 'You asked for it, with this account or another one of yours.',
    todo: 'Ask another approver.',
  },
  APPROVAL_NEEDLESS: {
    status: 409,
    what: 'Run #{number} waits for nobody to approve it.',
    why: 'It is {state}.',
    todo: 'See how it is doing: {example}.',
  },
  APPROVAL_LESS: {
    status: 409,
    what: 'Run #{number} costs more than {word}.',
    why: 'It is {cost} at most by now.',
    todo: 'If that is right, say {example}.',
  },
  // What operators do.
  TOKEN_UNKNOWN: {
    status: 404,
    what: 'There is no token {word}.',
    why: 'The names are {allowed}.',
    todo: 'Did you mean {nearest}? See the tokens with {example}.',
  },
  TOKEN_AMBIGUOUS: {
    status: 409,
    what: 'There are {count} tokens named {word}.',
    why: 'Only one at a time is revoked.',
    todo: 'Give the id of the one: {allowed}.',
  },
  BREAKGLASS_NEEDLESS: {
    status: 409,
    what: 'You need no breakglass.',
    why: 'You have the role operator already.',
    todo: 'Use the commands as you are.',
  },
  BREAKGLASS_OPEN: {
    status: 409,
    what: 'You have breakglass {number} open already.',
    why: 'It lasts until {until}, and there is one at a time.',
    todo: 'End it first, where it is not what you need: {example}.',
  },
  BREAKGLASS_UNKNOWN: {
    status: 404,
    what: 'There is no breakglass {word}.',
    why: 'Those not yet reviewed are {allowed}.',
    todo: 'See them with {example}.',
  },
  BREAKGLASS_OWN: {
    status: 403,
    what: 'You may not review breakglass {number}.',
    why: 'It was your own, and somebody else has to look at it.',
    todo: 'Ask another operator or approver.',
  },
  BREAKGLASS_LASTS: {
    status: 409,
    what: 'Breakglass {number} cannot be reviewed yet.',
    why: 'It lasts until {until}, unless {name} ends it before.',
    todo: 'Review it when it has ended.',
  },
  BREAKGLASS_REVIEWED: {
    status: 409,
    what: 'Breakglass {number} was reviewed already.',
    why: '{name} found it {verdict}.',
    todo: 'See those that are left with {example}.',
  },
  // Who asks.
  ACCESS_DENIED: { status: 403, what: 'You may not use {command}.', why: '{reason}', todo: '{todo}' },
  LINK_CODE_INVALID: {
    status: 422,
    what: '{word} is no code that links an account.',
    why: 'A code is good once, for ten minutes, and a newer one makes it void.',
    todo: 'Ask for one with the other account: {example}.',
  },
  LINK_OWN: {
    status: 422,
    what: '{word} was given to this very account.',
    why: 'It proves that another account is yours when that one says it.',
    todo: 'Say it with the other account.',
  },
  LINK_TAKEN: {
    status: 409,
    what: '{word} is linked with another account already.',
    why: 'An account belongs to one person.',
    todo: 'Part it first with {example}.',
  },
  LINK_GITHUB_OFF: {
    status: 409,
    what: 'A GitHub account cannot be linked on a page here.',
    why: 'No GitHub OAuth app is configured.',
    todo: 'Ask an operator to set GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET. Where the other account can speak to Signalbox, a code works too: {example}.',
  },
  LINK_ELSEWHERE: {
    status: 422,
    what: 'A code is not made on GitHub.',
    why: 'Whoever reads it here could say it before you, and would be taken for you.',
    todo: 'Ask for one in Slack with {example}, and say it here.',
  },
  LINK_FAILED: {
    status: 400,
    what: 'No account was linked.',
    why: '{reason}',
    todo: 'Begin again in Slack with {example}.',
  },
  TOKEN_INVALID: {
    status: 401,
    what: 'The token is not valid.',
    why: 'It is missing, unknown or revoked.',
    todo: 'Send `Authorization: Bearer <token>`, or set SIGNALBOX_TOKEN; an operator makes one with `signalbox token create`.',
  },
  TOKEN_SCOPE: {
    status: 403,
    what: 'The token may not do this.',
    why: 'It lacks the scope {word}.',
    todo: 'Ask an operator for a token with that scope.',
  },
  WORKSPACE_UNKNOWN: {
    status: 403,
    what: 'Signalbox does not serve this Slack workspace.',
    why: 'It is not installed here, or was removed.',
    todo: 'Ask the platform engineer to install it here.',
  },
  SENDER_FOREIGN: {
    status: 403,
    what: 'Signalbox serves only members of its own workspace.',
    why: 'You are here as a guest from another one, over Slack Connect.',
    todo: 'Ask a member of this workspace to do it.',
  },
  BUTTON_INVALID: {
    status: 403,
    what: 'This button is not valid here.',
    why: 'It was changed, or copied from a message elsewhere.',
    todo: 'Use the one on the message of the run; {example} shows the runs.',
  },
  INSTALL_FAILED: {
    status: 400,
    what: 'Signalbox was not installed.',
    why: '{reason}',
    todo: 'Begin again at {address}.',
  },
  SIGNATURE_INVALID: {
    status: 401,
    what: 'The signature is not valid.',
    why: 'The request was not signed with the shared secret within the last five minutes.',
    todo: 'Check the secret on both sides and the clock of this machine.',
  },
  // HTTP.
  ROUTE_UNKNOWN: {
    status: 404,
    what: 'There is nothing at {word}.',
    why: 'The API has no such address.',
    todo: 'See /v1/openapi.json.',
  },
  BODY_INVALID: {
    status: 400,
    what: 'The request cannot be read: {word}.',
    why: '{reason}',
    todo: 'See /v1/openapi.json.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    what: 'The request is too large.',
    why: 'At most {limit} bytes are read here.',
    todo: 'Send less.',
  },
  BODY_ENCODING: {
    status: 415,
    what: 'The encoding of the request is not read here.',
    why: 'Compressed bodies and unknown content types are refused.',
    todo: 'Send it as plain JSON.',
  },
  IDEMPOTENCY_CONFLICT: {
    status: 409,
    what: 'The idempotency key {word} was used for another request.',
    why: 'A key stands for one request.',
    todo: 'Use a new key.',
  },
  DELIVERY_CONFLICT: {
    status: 409,
    what: 'The delivery {word} came before with another body.',
    why: 'An id stands for one delivery.',
    todo: 'Nothing was done. Somebody may have the webhook secret: change it.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    what: 'Signalbox cannot store your request now.',
    why: 'Its database does not answer.',
    todo: 'Nothing was done. Try again in a minute.',
  },
  BUSY: {
    status: 503,
    what: 'Signalbox has too much to do at this moment.',
    why: '{reason}',
    todo: 'Nothing was done. Try again in a few seconds.',
  },
  INTERNAL: {
    status: 500,
    what: 'Something went wrong inside Signalbox.',
    why: 'It was not foreseen, and is written in its log under {reference}.',
    todo: 'Tell the platform engineer the reference.',
  },
  // Configuration, at boot.
  ADDRESS_UNAVAILABLE: {
    status: 500,
    what: 'Signalbox cannot listen on {word}.',
    why: '{reason}',
    todo: 'Set PORT to a free port of 1024 to 65535 (0 takes any) and HOST to an address of this machine.',
  },
  CONFIG_UNREADABLE: {
    status: 500,
    what: '{file} cannot be read.',
    why: '{reason}',
    todo: 'Check the path in SIGNALBOX_CONFIG.',
  },
  CONFIG_INVALID: {
    status: 500,
    what: '{where}: {word} is not valid.',
    why: '{reason}',
    todo: 'Allowed: {allowed}. Did you mean {nearest}?',
  },
  ENV_INVALID: {
    status: 500,
    what: 'The environment variable {word} is not valid.',
    why: '{reason}',
    todo: 'See .env.example.',
  },
  ENV_HALF: {
    status: 500,
    what: '{integration} is configured by half: {word} is missing.',
    why: '{present} is set.',
    todo: 'Set both, or neither to leave {integration} off.',
  },
  SECRET_KEY_MISSING: {
    status: 500,
    what: 'A stored token cannot be decrypted.',
    why: 'It was encrypted with the key {word}, which SIGNALBOX_SECRET_KEY does not hold.',
    todo: 'Add that key after the first one, with a comma between them.',
  },
  DATA_UNUSABLE: {
    status: 500,
    what: 'The data folder {file} cannot be used.',
    why: '{reason}',
    todo: 'Set SIGNALBOX_DATA to a folder that this user may read and write.',
  },
  POSTGRES_TOO_OLD: {
    status: 500,
    what: 'The database is PostgreSQL {word}.',
    why: 'Signalbox needs version 15 or later.',
    todo: 'Upgrade it, or leave DATABASE_URL away to use the embedded one.',
  },
  POSTGRES_UNREACHABLE: {
    status: 500,
    what: 'The database cannot be reached.',
    why: '{reason}',
    todo: 'Check DATABASE_URL.',
  },
  REDIS_EVICTS: {
    status: 500,
    what: 'Redis may throw work away.',
    why: 'Its maxmemory-policy is {word}.',
    todo: 'Set `maxmemory-policy noeviction`.',
  },
  SECRETS_UNFIT: {
    status: 500,
    what: 'The secrets file {file} is not used.',
    why: '{reason}',
    todo: 'Make it a file of the user that the agent runs as, with `chmod 600`, and in it `NAME: value` below each project.',
  },
  SECRET_MISSING: {
    status: 500,
    what: 'The secret {word} of {project} is missing on the machine.',
    why: '{reason}',
    todo: 'Put it below {project} in {file} there, and ask for the run again.',
  },
  AGENT_RUNNING: {
    status: 500,
    what: 'Another agent already serves the pool {word} on this machine.',
    why: 'A machine belongs to one agent.',
    todo: 'Stop the other one (process {pid}) first.',
  },
  SERVICE_UNREACHABLE: {
    status: 500,
    what: 'Signalbox does not answer at {word}.',
    why: '{reason}',
    todo: 'Start it with `npm run -s signalbox -- serve`, or set SIGNALBOX_URL.',
  },
} as const satisfies Record<string, { status: number; what: string; why: string; todo: string }>;

export type ErrorCode = keyof typeof errors;
export type ErrorDetails = Record<string, string | number | readonly string[] | null | undefined>;

/** An error that a person can see, ready to be shown anywhere. */
export interface Fault {
  code: ErrorCode;
  /** HTTP status for it. */
  status: number;
  what: string;
  why: string;
  todo: string;
  /** The command that `todo` may show, as it stands there. */
  example?: string;
}

/**
 * Fills the catalogue's sentences with details; sentences whose detail is absent are left out. `mark` is what people type before a
 * command where they read this (`/` in Slack).
 */
export function fault(code: ErrorCode, details: ErrorDetails = {}, mark = ''): Fault {
  const entry = errors[code];
  const said = mark === '' ? details : marked(code, details, mark);
  return {
    code,
    status: entry.status,
    what: fill(entry.what, said),
    why: fill(entry.why, said),
    todo: fill(entry.todo, said),
    ...(typeof said.example === 'string' ? { example: said.example } : {}),
  };
}

/** The details that hold commands; `command` and `example` always do. */
const commandsIn: Partial<Record<ErrorCode, readonly string[]>> = {
  COMMAND_UNKNOWN: ['word', 'allowed', 'nearest'],
  // A flag or a project may be meant instead: those are one word, or begin with a dash.
  ARGUMENT_UNEXPECTED: ['nearest'],
  PROJECT_UNKNOWN: ['nearest'],
};

function marked(code: ErrorCode, details: ErrorDetails, mark: string): ErrorDetails {
  const names = ['command', 'example', ...(commandsIn[code] ?? [])];
  const isCommand = (name: string, text: string) =>
    /^\p{L}/u.test(text) && (name !== 'nearest' || code === 'COMMAND_UNKNOWN' || text.includes(' '));
  const entries = Object.entries(details).map(([name, value]): [string, ErrorDetails[string]] => {
    const withMark = (text: string) =>
      names.includes(name) && isCommand(name, text) ? `${mark}${text}` : text;
    if (typeof value === 'string') return [name, withMark(value)];
    return [name, isList(value) ? value.map(withMark) : value];
  });
  return Object.fromEntries(entries);
}

function isList(value: ErrorDetails[string]): value is readonly string[] {
  return typeof value === 'object' && value !== null;
}

/** All of a fault in one line, for terminals, logs and problem details. */
export function faultLine(f: Fault): string {
  return [f.what, f.why, f.todo].filter(Boolean).join(' ');
}

/** Carries a fault through code that cannot return it. */
export class SignalboxError extends Error {
  readonly fault: Fault;
  /** A code of the catalogue with its details, or a fault that was made before. */
  constructor(error: ErrorCode | Fault, details: ErrorDetails = {}, options?: ErrorOptions) {
    const f = typeof error === 'string' ? fault(error, details) : error;
    super(faultLine(f), options);
    this.name = 'SignalboxError';
    this.fault = f;
  }
}

const shownWord = 60;

function fill(template: string, details: ErrorDetails): string {
  // Sentences end with `.` or `?` followed by a space or the end; a sentence with an unknown detail says nothing true, so it goes.
  return template
    .split(/(?<=[.?]) /)
    .map(sentence => fillSentence(sentence, details))
    .filter(sentence => sentence !== null)
    .join(' ');
}

function fillSentence(sentence: string, details: ErrorDetails): string | null {
  let complete = true;
  const text = sentence.replace(/\{(\w+)\}/g, (_, key: string) => {
    const value = details[key];
    if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0))
      complete = false;
    return shown(value, key);
  });
  return complete ? text : null;
}

function shown(value: ErrorDetails[string], key: string): string {
  if (isList(value))
    return value.length > 12
      ? `${value.slice(0, 12).join(', ')} and ${value.length - 12} more`
      : value.join(', ');
  const text = String(value ?? '');
  return key === 'word' ? quoted(text) : text;
}

/** A word of somebody else's, made safe to repeat: one line, no control or direction marks, cut where it is long. */
function quoted(word: string): string {
  const clean = word.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u00b7');
  const letters = [...clean];
  return letters.length > shownWord ? `${letters.slice(0, shownWord).join('')}…` : clean;
}
