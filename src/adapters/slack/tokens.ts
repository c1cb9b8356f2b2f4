import { type InstallationStore, type Log, MessengerError } from '../../core/ports.ts';
import { slackClients } from './client.ts';
import { messengerError, slackCode } from './failure.ts';

/** Which bot speaks in which workspace. */
export interface SlackTokens {
  /**
   * The bot's token, or `null` where the app is not installed. Known for some seconds, so that a removal is noticed soon in other
   * processes too. Throws `MessengerError` to try again where Slack must be asked and does not answer.
   */
  tokenFor(team: string | null, enterprise: string | null): Promise<string | null>;
  /** A call with the token failed; where Slack does not know it any more, it is revoked here. Never throws. */
  failed(token: string, team: string | null, enterprise: string | null, error: unknown): Promise<void>;
  /** The workspace's bot was removed, or put there anew. */
  forget(): void;
}

interface SlackTokensOptions {
  /** For one workspace, whose id Slack is asked once. */
  botToken: string | null;
  /** `null`: there are no installations. */
  installations: InstallationStore | null;
  apiUrl: string;
  log: Log;
  clock: () => Date;
}

const keptMs = 5_000;
const mostKept = 1_000;
const timeoutMs = 5_000;
/** Slack's words for a token that will never be of use again. */
const dead: readonly string[] = ['account_inactive', 'invalid_auth', 'token_revoked'];

export function slackTokens({
  botToken,
  installations,
  apiUrl,
  log,
  clock,
}: SlackTokensOptions): SlackTokens {
  const kept = new Map<string, { token: string; until: number }>();
  const clientFor = slackClients({ apiUrl, timeoutMs, log });
  let own: Promise<{ team: string | null; enterprise: string | null }> | null = null;

  /** Where the one bot is: its workspace, or the organisation that it was installed on. */
  function ownPlace(token: string) {
    own ??= clientFor(token)
      .auth.test()
      .then(
        ({ team_id = null, enterprise_id = null, is_enterprise_install }) =>
          is_enterprise_install
            ? { team: null, enterprise: enterprise_id }
            : { team: team_id, enterprise: null },
        err => {
          own = null;
          log.warn({ err }, 'slack cannot be asked which workspace the bot is in');
          const { message, afterMs } = messengerError(err);
          throw new MessengerError(message, 'retry', afterMs, { cause: err });
        },
      );
    return own;
  }

  async function lookUp(team: string | null, enterprise: string | null): Promise<string | null> {
    if (botToken) {
      const place = await ownPlace(botToken);
      const here = place.team === null ? place.enterprise === enterprise : place.team === team;
      if (here && (place.team ?? place.enterprise) !== null) return botToken;
    }
    const found = await installations?.find(team, enterprise);
    return found?.botToken ?? null;
  }

  async function isDead(token: string): Promise<boolean> {
    try {
      await clientFor(token).auth.test();
      return false;
    } catch (err) {
      return dead.includes(slackCode(err) ?? '');
    }
  }

  return {
    async tokenFor(team, enterprise) {
      const key = `${team} ${enterprise}`;
      const now = clock().getTime();
      const known = kept.get(key);
      if (known && known.until > now) return known.token;
      const token = await lookUp(team, enterprise);
      // An absence is not kept: the app may be installed by way of another process at any moment.
      if (token === null) return null;
      if (kept.size >= mostKept) kept.clear();
      kept.set(key, { token, until: now + keptMs });
      return token;
    },
    async failed(token, team, enterprise, error) {
      const code = slackCode(error) ?? '';
      if (!dead.includes(code)) return;
      kept.clear();
      if (token === botToken) own = null;
      if (!installations || token === botToken) return;
      try {
        // Once more, because nobody but a person can take it back.
        if (!(await isDead(token))) return;
        if (await installations.revoke({ team, enterprise }, code, clock(), { botToken: token }))
          log.warn({ team, enterprise, code }, 'slack removed the app from a workspace');
      } catch (err) {
        log.warn({ err, team, enterprise }, 'a slack installation could not be revoked');
      }
    },
    forget: () => kept.clear(),
  };
}
