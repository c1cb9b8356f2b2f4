import { format } from 'node:util';
import { type Logger, LogLevel } from '@slack/web-api';
import type { Log } from '../../core/ports.ts';

/**
 * Slack's libraries log into ours. What they say at debug (every request and answer) is dropped: it holds what people wrote.
 */
export function slackLogger(log: Log): Logger {
  const said = (parts: unknown[]) => ({ said: format(...parts) });
  return {
    debug: () => {},
    info: (...parts) => log.debug(said(parts), 'slack library'),
    warn: (...parts) => log.warn(said(parts), 'slack library warns'),
    error: (...parts) => log.warn(said(parts), 'slack library reports an error'),
    setLevel: () => {},
    getLevel: () => LogLevel.INFO,
    setName: () => {},
  };
}
