import type { CommandDefinition } from '../src/core/command.ts';
import { signalboxAudit } from './signalbox-audit.ts';
import { signalboxLink } from './signalbox-link.ts';
import { signalboxUnlink } from './signalbox-unlink.ts';
import { signalboxWhoami } from './signalbox-whoami.ts';
import { train } from './train.ts';
import { trainCancel } from './train-cancel.ts';
import { trainCompare } from './train-compare.ts';
import { trainExtend } from './train-extend.ts';
import { trainList } from './train-list.ts';
import { trainLogs } from './train-logs.ts';
import { trainRetry } from './train-retry.ts';
import { trainStatus } from './train-status.ts';
import { trainWhy } from './train-why.ts';

/** Everything that people can say. Help for it is the grammar's own. */
export const commands: readonly CommandDefinition[] = [
  train,
  trainList,
  trainStatus,
  trainWhy,
  trainLogs,
  trainCancel,
  trainRetry,
  trainExtend,
  trainCompare,
  signalboxWhoami,
  signalboxLink,
  signalboxUnlink,
  signalboxAudit,
];
