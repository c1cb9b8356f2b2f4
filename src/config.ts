import { createPrivateKey } from 'node:crypto';
import { resolve } from 'node:path';
import { z } from 'zod';
import { SignalboxError } from './core/errors.ts';

const portSays = 'It must be a whole number from 0 to 65535';
const port = z
  .string()
  .regex(/^\d{1,5}$/, portSays)
  .transform(Number)
  .pipe(z.number().max(65_535, portSays));
const address = z.url({
  protocol: /^https?$/,
  error: 'It must be an address that begins with http:// or https://',
});
const trackingSays =
  'It must be the address of a tracking server, which begins with http:// or https://, without a user and a password: those are MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD';
const trackingUri = z
  .url({ protocol: /^https?$/, error: trackingSays })
  .refine(text => {
    const { username, password, search, hash } = URL.parse(text) ?? {};
    return username === '' && password === '' && search === '' && hash === '';
  }, trackingSays)
  .transform(text => text.replace(/\/+$/, ''));
const filled = z.string().min(1, 'It is empty');
const keysSay =
  'It must be 32 bytes in base64 (`openssl rand -base64 32`), or several such with commas between';
const keys = z
  .string()
  .regex(/^[A-Za-z0-9+/]{43}=(?:,[A-Za-z0-9+/]{43}=)*$/, keysSay)
  .transform(text => text.split(',').map(key => Buffer.from(key, 'base64')));
const workspaces = z
  .string()
  .regex(/^[TE][A-Z0-9]+(?:,[TE][A-Z0-9]+)*$/, 'It must be ids such as T0123ABCD, with commas between')
  .transform(text => text.split(','));

const keySays =
  'It must be a private RSA key: PEM, also with \\n in place of line ends, or all of it in base64';
const privateKey = z.string().transform((text, context) => {
  const lines = text.includes('-----BEGIN')
    ? text.replaceAll('\\n', '\n')
    : Buffer.from(text, 'base64').toString();
  try {
    const key = createPrivateKey(lines.trim());
    if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch {
    // Its message may hold part of the key.
  }
  context.addIssue({ code: 'custom', message: keySays });
  return z.NEVER;
});

const webhookSecretsSay = 'It must be one or more secrets with commas between, none of them empty';
const webhookSecrets = z
  .string()
  .transform(text => text.split(',').map(secret => secret.trim()))
  .refine(secrets => secrets.every(secret => secret !== ''), webhookSecretsSay);

const issuerSays =
  'It must be an address that begins with https://, as the provider itself writes it, without a query; http:// only for this machine';
const issuer = z.url({ protocol: /^https?$/, error: issuerSays }).refine(text => {
  const { protocol, hostname, search, hash, username, password } = URL.parse(text) ?? {};
  const isPlain = search === '' && hash === '' && username === '' && password === '';
  return isPlain && (protocol === 'https:' || /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(hostname ?? ''));
}, issuerSays);
const acrSays = 'It must be one or more names with spaces between';
const acrValues = z
  .string()
  .regex(/^\s*[\x21-\x7e]+(?:\s+[\x21-\x7e]+)*\s*$/, acrSays)
  .transform(text => text.trim().split(/\s+/));

/** Every variable that Signalbox reads. `.env.example` is made from this list. */
export const variables = {
  DATABASE_URL: {
    schema: z.string().regex(/^postgres(?:ql)?:\/\//, 'It must begin with postgres://'),
    about: 'PostgreSQL 15 or later. Absent: a private one is started in SIGNALBOX_DATA.',
    example: 'postgres://signalbox:secret@localhost:5432/signalbox',
    secret: true,
  },
  REDIS_URL: {
    schema: z.string().regex(/^rediss?:\/\/./, 'It must begin with redis:// or rediss://'),
    about:
      'Redis 7 with `maxmemory-policy noeviction`. Absent: the queue lives in PostgreSQL, which suits one machine.',
    example: 'redis://localhost:6379',
    secret: true,
  },
  SIGNALBOX_CONFIG: {
    schema: filled,
    about: 'Path of signalbox.yml: pools, teams, projects, people.',
    default: 'signalbox.yml',
  },
  SIGNALBOX_DATA: {
    schema: filled,
    about: 'Folder for embedded state, checkouts, logs and outputs.',
    default: '.signalbox',
  },
  PORT: { schema: port, about: 'Port of the HTTP server.', default: '3000' },
  HOST: {
    schema: filled,
    about: 'Address that the HTTP server listens on.',
    default: '127.0.0.1',
  },
  SIGNALBOX_URL: {
    schema: address,
    about: 'Where agents, runs and the command line reach Signalbox. Absent: this machine.',
    example: 'https://signalbox.example.com',
  },
  SIGNALBOX_TOKEN: {
    schema: filled,
    about: 'API token for the command line, or for an agent on another machine.',
    example: 'sbx_...',
    secret: true,
  },
  SIGNALBOX_SECRET_KEY: {
    schema: keys,
    about:
      'Encrypts the tokens that are stored, with SLACK_CLIENT_ID: 32 bytes in base64 (`openssl rand -base64 32`). To change it, put the new one first and the old one behind a comma.',
    secret: true,
  },
  SLACK_SIGNING_SECRET: {
    schema: filled,
    about: 'Signing secret of the Slack app, which then reaches Signalbox over HTTP at /slack/events.',
    secret: true,
  },
  SLACK_APP_TOKEN: {
    schema: z.string().regex(/^xapp-./, 'It must begin with xapp-'),
    about:
      'App-level token of the Slack app, with connections:write: Socket Mode, which needs no public address and no signing secret.',
    example: 'xapp-...',
    secret: true,
  },
  SLACK_BOT_TOKEN: {
    schema: filled,
    about: 'Bot token of the Slack app (xoxb-...), for one workspace.',
    secret: true,
  },
  SLACK_CLIENT_ID: {
    schema: filled,
    about:
      'Client id of the Slack app, for several workspaces: each installs it at /slack/install, and Slack returns to /slack/oauth_redirect.',
  },
  SLACK_CLIENT_SECRET: {
    schema: filled,
    about: 'Client secret of the Slack app.',
    secret: true,
  },
  SLACK_WORKSPACES: {
    schema: workspaces,
    about:
      'Workspaces (T...) and organisations (E...) that may install it, with commas between. Absent: all that Slack lets.',
    example: 'T0123ABCD,E0123ABCD',
  },
  SLACK_API_URL: {
    schema: address,
    about: 'Base of the Slack Web API, for tests.',
    default: 'https://slack.com/api/',
  },
  GITHUB_APP_ID: {
    schema: z.string().regex(/^\d{1,12}$/, 'It must be a whole number'),
    about:
      'Id of the GitHub App, by which Signalbox reads who is in a team (permission: organization members, read).',
    example: '123456',
  },
  GITHUB_PRIVATE_KEY: {
    schema: privateKey,
    about: 'Private key of the GitHub App: PEM, also with \\n in place of line ends, or all of it in base64.',
    secret: true,
  },
  GITHUB_WEBHOOK_SECRET: {
    schema: webhookSecrets,
    about:
      'Webhook secret of the GitHub App, which then tells Signalbox what happens at /webhooks/github. While it is changed: the new and the old one, with a comma between.',
    secret: true,
  },
  GITHUB_API_URL: {
    schema: address,
    about: 'Base of the GitHub API; of a GitHub Enterprise Server it ends in /api/v3.',
    default: 'https://api.github.com',
  },
  GITHUB_CLIENT_ID: {
    schema: filled,
    about:
      'Client id of the GitHub App or of an OAuth app, with which people link their GitHub accounts; GitHub returns them to /auth/github/callback.',
  },
  GITHUB_CLIENT_SECRET: {
    schema: filled,
    about: 'Client secret of it.',
    secret: true,
  },
  GITHUB_URL: {
    schema: address,
    about: 'Where people reach GitHub.',
    default: 'https://github.com',
  },
  MLFLOW_TRACKING_URI: {
    schema: trackingUri,
    about:
      'Tracking server of MLflow: what runs log there becomes their metrics, and versions of models are written down in its registry where a model says so. It is handed to every run; credentials are not (name them under `secrets`).',
    example: 'https://mlflow.example.com',
  },
  MLFLOW_TRACKING_TOKEN: {
    schema: z
      .string()
      .regex(/^[\x21-\x7e]+$/, 'It must be what a header can carry: letters, digits and signs'),
    about:
      'With which Signalbox reads from MLflow and writes to its registry, where that wants a bearer token.',
    secret: true,
  },
  MLFLOW_TRACKING_USERNAME: {
    schema: filled,
    about:
      'With which Signalbox reads from MLflow and writes to its registry, where that wants a user and a password.',
  },
  MLFLOW_TRACKING_PASSWORD: {
    schema: filled,
    about: 'Password of it.',
    secret: true,
  },
  MLFLOW_WEBHOOK_SECRET: {
    schema: webhookSecrets,
    about:
      'Secret of the webhook by which MLflow tells at /webhooks/mlflow that an alias of a model has changed (events: model_version_alias); without it that is seen within a minute. While it is changed: the new and the old one, with a comma between.',
    secret: true,
  },
  OIDC_ISSUER: {
    schema: issuer,
    about:
      'OpenID Connect provider that is asked for a second factor where a model says `stepUp: true`. It returns people to /auth/step-up/callback.',
    example: 'https://login.example.com',
  },
  OIDC_CLIENT_ID: { schema: filled, about: 'Client id of Signalbox there.' },
  OIDC_CLIENT_SECRET: { schema: filled, about: 'Client secret of it.', secret: true },
  OIDC_ACR: {
    schema: acrValues,
    about:
      'Names by which the provider calls a sign-in with a second factor (`acr`), with spaces between: they are asked for, and one of them must be in the answer. Absent: `amr` must hold mfa.',
    example: 'phr',
  },
  SIGNALBOX_SECRETS: {
    schema: filled,
    about:
      'For an agent: path of a file with the values of the secrets that projects name, by project (YAML, or lines such as digits.HF_TOKEN=...), with mode 0600. Absent: there are none.',
    example: '/etc/signalbox/secrets.yml',
  },
  PROMETHEUS_URL: {
    schema: address,
    about: 'Where the checks of rollouts are asked: a Prometheus, or what answers its HTTP API.',
    example: 'http://localhost:9090',
  },
  PROMETHEUS_TOKEN: {
    schema: filled,
    about: 'Bearer token for it, where it wants one.',
    secret: true,
  },
  FRONT_HOST: {
    schema: filled,
    about: 'Address that the fronts of targets listen on, each at the port of its target.',
    default: '127.0.0.1',
  },
  ARTIFACTS_URL: {
    schema: z
      .string()
      .regex(
        /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[\w.=+-]+)*\/?$/,
        'It must be s3://bucket or s3://bucket/prefix',
      ),
    about:
      'Where the outputs of runs are kept: a bucket of any S3-compatible store. Absent: the folder `artifacts` in SIGNALBOX_DATA, which suits one machine.',
    example: 's3://signalbox/artifacts',
  },
  ARTIFACTS_S3_ENDPOINT: {
    schema: address,
    about: 'Base of an S3 store that is not of AWS.',
    example: 'https://s3.example.com',
  },
  ARTIFACTS_S3_PATH_STYLE: {
    schema: z
      .enum(['true', 'false'], { error: 'It must be true or false' })
      .transform(text => text === 'true'),
    about:
      'Whether the bucket is named in the path and not in the host. Absent: with ARTIFACTS_S3_ENDPOINT it is.',
    example: 'true',
  },
  ARTIFACTS_MAX_MB: {
    schema: z
      .string()
      .regex(/^[1-9]\d{0,8}$/, 'It must be a whole number from 1 on')
      .transform(Number),
    about: 'What the outputs of one run may hold together, in MB.',
    default: '20000',
  },
  AWS_REGION: {
    schema: filled,
    about: 'Region of the bucket. Absent with ARTIFACTS_S3_ENDPOINT: us-east-1.',
    example: 'eu-central-1',
  },
  AWS_ACCESS_KEY_ID: {
    schema: filled,
    about:
      'Access key for the bucket. Absent: as the AWS SDK finds one (the role of the machine, a profile).',
  },
  AWS_SECRET_ACCESS_KEY: { schema: filled, about: 'Secret of the access key.', secret: true },
  AWS_SESSION_TOKEN: { schema: filled, about: 'Of an access key for a while.', secret: true },
  LOG_LEVEL: {
    schema: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      error: 'It must be trace, debug, info, warn, error or silent',
    }),
    about: 'What is written to stderr.',
    default: 'info',
  },
} as const satisfies Record<
  string,
  { schema: z.ZodType; about: string; default?: string; example?: string; secret?: true }
>;

type Variable = keyof typeof variables;

export interface Config {
  databaseUrl: string | null;
  redisUrl: string | null;
  configPath: string;
  /** Whether the file was named by SIGNALBOX_CONFIG (then it must exist) or is the default (then it may be absent). */
  configNamed: boolean;
  /** Absolute. */
  dataDir: string;
  /** Absolute: where an agent finds the values of secrets. */
  secretsPath: string | null;
  port: number;
  host: string;
  publicUrl: string | null;
  token: string | null;
  slack: SlackConfig | null;
  github: GitHubConfig;
  artifacts: ArtifactsConfig;
  mlflow: MlflowConfig | null;
  prometheus: { url: string; token: string | null } | null;
  oidc: OidcConfig | null;
  /** Where models answer. */
  frontHost: string;
  /** The first encrypts, all of them decrypt. */
  secretKeys: Buffer[];
  logLevel: string;
  /** Values that must never be shown. */
  secrets: string[];
  /** The environment as it was read, for a child process of Signalbox itself. */
  environment: Record<string, string | undefined>;
}

/** The provider that vouches for a second factor. */
export interface OidcConfig {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** One of them must be reached; empty: `mfa` in `amr`. */
  acr: string[];
}

export interface ArtifactsConfig {
  /** Null: a folder. */
  s3: {
    bucket: string;
    /** Without slashes at its ends; may be empty. */
    prefix: string;
    endpoint: string | null;
    region: string;
    pathStyle: boolean;
    /** Null: as the AWS SDK finds them. */
    credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string } | null;
  } | null;
  /** Of the outputs of one run together. */
  mostBytes: number;
}

export interface SlackConfig {
  /** For what comes over HTTP. One of this and `appToken` is there, or both. */
  signingSecret: string | null;
  /** For Socket Mode. */
  appToken: string | null;
  /** The one workspace. One of this and `client` is there, or both. */
  botToken: string | null;
  /** For installations in several workspaces; `workspaces` may install, `null`: all. */
  client: { id: string; secret: string; workspaces: string[] | null } | null;
  apiUrl: string;
}

export interface MlflowConfig {
  /** Without a slash at its end. */
  trackingUri: string;
  /** As MLflow itself reads them: with a user and a password the token counts for nothing. */
  credentials: { username: string; password: string } | { token: string } | null;
  /** Each of them verifies what MLflow tells; empty: it tells nothing. */
  webhookSecrets: string[];
}

export interface GitHubConfig {
  apiUrl: string;
  webUrl: string;
  /** By which Signalbox asks and acts. The key as PEM (PKCS #8). */
  app: { appId: string; privateKey: string } | null;
  /** Each of them verifies what GitHub tells; empty: it tells nothing. */
  webhookSecrets: string[];
  /** By which people show who they are. */
  oauth: { clientId: string; clientSecret: string } | null;
}

const secretNames = Object.entries(variables).flatMap(([name, variable]) =>
  'secret' in variable ? [name] : [],
);

/** What else belongs to them: without its secrets an integration would be configured by half. */
const integrations = Object.keys(variables).filter(name => /^(?:SLACK|GITHUB|MLFLOW|OIDC)_/.test(name));

/** The environment for a child that has no use for what Signalbox keeps to itself. */
export function withoutSecrets(env: Config['environment']): Config['environment'] {
  const own = new Set([...secretNames, ...integrations]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name)));
}

/** Reads the environment. Throws ENV_INVALID or ENV_HALF with the variable's name; never with its value. */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const read = <V extends Variable>(name: V): z.infer<(typeof variables)[V]['schema']> | null => {
    const variable = variables[name];
    const text = env[name] ?? ('default' in variable ? variable.default : undefined);
    if (text === undefined) return null;
    const parsed = variable.schema.safeParse(text);
    if (!parsed.success)
      throw new SignalboxError('ENV_INVALID', {
        word: name,
        reason: `${parsed.error.issues[0]?.message ?? 'It cannot be read'}.`,
      });
    return parsed.data as z.infer<(typeof variables)[V]['schema']>;
  };
  const need = <V extends Variable>(name: V) => {
    const value = read(name);
    if (value === null) throw new Error(`${name} has no default`);
    return value;
  };
  const secretKeys = read('SIGNALBOX_SECRET_KEY') ?? [];
  const clientId = read('SLACK_CLIENT_ID');
  const clientSecret = read('SLACK_CLIENT_SECRET');
  const slack: SlackConfig = {
    signingSecret: read('SLACK_SIGNING_SECRET'),
    appToken: read('SLACK_APP_TOKEN'),
    botToken: read('SLACK_BOT_TOKEN'),
    client:
      clientId && clientSecret
        ? { id: clientId, secret: clientSecret, workspaces: read('SLACK_WORKSPACES') }
        : null,
    apiUrl: need('SLACK_API_URL'),
  };
  const half = halfOfSlack(slack, { clientId, clientSecret, secretKeys });
  if (half) throw new SignalboxError('ENV_HALF', { integration: 'Slack', ...half });
  const github = githubConfig(read, need);
  const artifacts = artifactsConfig(read, need);
  const mlflow = mlflowConfig(read);
  return {
    databaseUrl: read('DATABASE_URL'),
    redisUrl: read('REDIS_URL'),
    configPath: resolve(need('SIGNALBOX_CONFIG')),
    configNamed: env.SIGNALBOX_CONFIG !== undefined,
    dataDir: resolve(need('SIGNALBOX_DATA')),
    secretsPath: pathOrNull(read('SIGNALBOX_SECRETS')),
    port: need('PORT'),
    host: need('HOST'),
    publicUrl: read('SIGNALBOX_URL')?.replace(/\/+$/, '') ?? null,
    token: read('SIGNALBOX_TOKEN'),
    slack: slack.signingSecret || slack.appToken ? slack : null,
    github,
    artifacts,
    mlflow,
    prometheus: prometheusConfig(read),
    oidc: oidcConfig(read),
    frontHost: need('FRONT_HOST'),
    secretKeys,
    logLevel: need('LOG_LEVEL'),
    secrets: [
      ...secretNames.flatMap(name => env[name] ?? []),
      // As it is used, which may be other lines than it was given in.
      ...(github.app ? [github.app.privateKey] : []),
      // Of several keys each is a secret too.
      ...(secretKeys.length > 1 ? (env.SIGNALBOX_SECRET_KEY ?? '').split(',') : []),
      ...(github.webhookSecrets.length > 1 ? github.webhookSecrets : []),
      ...(mlflow && mlflow.webhookSecrets.length > 1 ? mlflow.webhookSecrets : []),
    ],
    environment: env,
  };
}

function pathOrNull(path: string | null): string | null {
  return path === null ? null : resolve(path);
}

type Read = <V extends Variable>(name: V) => z.infer<(typeof variables)[V]['schema']> | null;
type Need = <V extends Variable>(name: V) => z.infer<(typeof variables)[V]['schema']>;

/** Throws ENV_HALF. */
function githubConfig(read: Read, need: Need): GitHubConfig {
  const pair = (first: Variable, second: Variable) => {
    const [one, other] = [read(first), read(second)];
    if ((one === null) === (other === null)) return;
    const [present, word] = one === null ? [second, first] : [first, second];
    throw new SignalboxError('ENV_HALF', { integration: 'GitHub', word, present });
  };
  pair('GITHUB_APP_ID', 'GITHUB_PRIVATE_KEY');
  pair('GITHUB_CLIENT_ID', 'GITHUB_CLIENT_SECRET');
  const secrets = read('GITHUB_WEBHOOK_SECRET') ?? [];
  // The app alone is of use: it reads teams. What GitHub tells is of none without it.
  if (secrets.length > 0) pair('GITHUB_APP_ID', 'GITHUB_WEBHOOK_SECRET');
  const [appId, privateKey] = [read('GITHUB_APP_ID'), read('GITHUB_PRIVATE_KEY')];
  const [clientId, clientSecret] = [read('GITHUB_CLIENT_ID'), read('GITHUB_CLIENT_SECRET')];
  return {
    apiUrl: need('GITHUB_API_URL').replace(/\/+$/, ''),
    webUrl: need('GITHUB_URL').replace(/\/+$/, ''),
    app: appId && privateKey ? { appId, privateKey } : null,
    webhookSecrets: secrets,
    oauth: clientId && clientSecret ? { clientId, clientSecret } : null,
  };
}

/** Throws ENV_HALF. The variables of AWS may be there for other reasons: without a bucket they mean nothing. */
function artifactsConfig(read: Read, need: Need): ArtifactsConfig {
  const half = (present: Variable, word: Variable) =>
    new SignalboxError('ENV_HALF', { integration: 'S3', word, present });
  const mostBytes = need('ARTIFACTS_MAX_MB') * 1_000_000;
  const [url, endpoint, pathStyle] = [
    read('ARTIFACTS_URL'),
    read('ARTIFACTS_S3_ENDPOINT'),
    read('ARTIFACTS_S3_PATH_STYLE'),
  ];
  if (url === null) {
    if (endpoint !== null) throw half('ARTIFACTS_S3_ENDPOINT', 'ARTIFACTS_URL');
    if (pathStyle !== null) throw half('ARTIFACTS_S3_PATH_STYLE', 'ARTIFACTS_URL');
    return { s3: null, mostBytes };
  }
  const region = read('AWS_REGION') ?? (endpoint === null ? null : 'us-east-1');
  if (region === null) throw half('ARTIFACTS_URL', 'AWS_REGION');
  const [accessKeyId, secretAccessKey] = [read('AWS_ACCESS_KEY_ID'), read('AWS_SECRET_ACCESS_KEY')];
  if (accessKeyId !== null && secretAccessKey === null)
    throw half('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY');
  if (accessKeyId === null && secretAccessKey !== null)
    throw half('AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID');
  const sessionToken = read('AWS_SESSION_TOKEN');
  const [bucket = '', ...prefix] = url.replace(/^s3:\/\//, '').split('/');
  return {
    s3: {
      bucket,
      prefix: prefix.filter(Boolean).join('/'),
      endpoint,
      region,
      pathStyle: pathStyle ?? endpoint !== null,
      credentials:
        accessKeyId && secretAccessKey
          ? { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
          : null,
    },
    mostBytes,
  };
}

/** Throws ENV_HALF. */
function prometheusConfig(read: Read): Config['prometheus'] {
  const [url, token] = [read('PROMETHEUS_URL'), read('PROMETHEUS_TOKEN')];
  if (url === null && token !== null)
    throw new SignalboxError('ENV_HALF', {
      integration: 'Prometheus',
      word: 'PROMETHEUS_URL',
      present: 'PROMETHEUS_TOKEN',
    });
  return url === null ? null : { url: url.replace(/\/+$/, ''), token };
}

/** Throws ENV_HALF. */
function oidcConfig(read: Read): OidcConfig | null {
  const [issuer, clientId] = [read('OIDC_ISSUER'), read('OIDC_CLIENT_ID')];
  const [clientSecret, acr] = [read('OIDC_CLIENT_SECRET'), read('OIDC_ACR')];
  if (issuer && clientId && clientSecret) return { issuer, clientId, clientSecret, acr: acr ?? [] };
  const parts = { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret } as const;
  const all = Object.entries({ ...parts, OIDC_ACR: acr });
  const present = all.find(([, value]) => value !== null)?.[0];
  const word = Object.entries(parts).find(([, value]) => value === null)?.[0];
  if (present !== undefined)
    throw new SignalboxError('ENV_HALF', { integration: 'OpenID Connect', word, present });
  return null;
}

/** Throws ENV_HALF. */
function mlflowConfig(read: Read): MlflowConfig | null {
  const trackingUri = read('MLFLOW_TRACKING_URI');
  const token = read('MLFLOW_TRACKING_TOKEN');
  const [username, password] = [read('MLFLOW_TRACKING_USERNAME'), read('MLFLOW_TRACKING_PASSWORD')];
  const webhookSecrets = read('MLFLOW_WEBHOOK_SECRET') ?? [];
  const half = (word: Variable, present: Variable) =>
    new SignalboxError('ENV_HALF', { integration: 'MLflow', word, present });
  if (username && !password) throw half('MLFLOW_TRACKING_PASSWORD', 'MLFLOW_TRACKING_USERNAME');
  if (!username && password) throw half('MLFLOW_TRACKING_USERNAME', 'MLFLOW_TRACKING_PASSWORD');
  if (!trackingUri) {
    if (username) throw half('MLFLOW_TRACKING_URI', 'MLFLOW_TRACKING_USERNAME');
    if (token) throw half('MLFLOW_TRACKING_URI', 'MLFLOW_TRACKING_TOKEN');
    if (webhookSecrets.length > 0) throw half('MLFLOW_TRACKING_URI', 'MLFLOW_WEBHOOK_SECRET');
    return null;
  }
  const credentials = username && password ? { username, password } : token ? { token } : null;
  return { trackingUri, credentials, webhookSecrets };
}

/** The variable that is missing beside one that is set, or `null` where Slack is whole or off. */
function halfOfSlack(
  slack: SlackConfig,
  parts: { clientId: string | null; clientSecret: string | null; secretKeys: Buffer[] },
): { word: Variable; present: Variable } | null {
  const { clientId, clientSecret, secretKeys } = parts;
  if (clientId && !clientSecret) return { word: 'SLACK_CLIENT_SECRET', present: 'SLACK_CLIENT_ID' };
  if (!clientId && clientSecret) return { word: 'SLACK_CLIENT_ID', present: 'SLACK_CLIENT_SECRET' };
  if (clientId && secretKeys.length === 0)
    return { word: 'SIGNALBOX_SECRET_KEY', present: 'SLACK_CLIENT_ID' };
  const wayIn = slack.signingSecret ? 'SLACK_SIGNING_SECRET' : slack.appToken ? 'SLACK_APP_TOKEN' : null;
  const wayOut = slack.botToken ? 'SLACK_BOT_TOKEN' : slack.client ? 'SLACK_CLIENT_ID' : null;
  if (wayIn && !wayOut) return { word: 'SLACK_BOT_TOKEN', present: wayIn };
  if (!wayIn && wayOut) return { word: 'SLACK_SIGNING_SECRET', present: wayOut };
  return null;
}
