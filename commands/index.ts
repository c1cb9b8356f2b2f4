import type { CommandDefinition } from '../src/core/command.ts';
import { gpu } from './gpu.ts';
import { gpuExtend } from './gpu-extend.ts';
import { gpuRelease } from './gpu-release.ts';
import { gpuRequest } from './gpu-request.ts';
import { gpuUsage } from './gpu-usage.ts';
import { gpuWhatif } from './gpu-whatif.ts';
import { modelApprove } from './model-approve.ts';
import { modelCancel } from './model-cancel.ts';
import { modelHistory } from './model-history.ts';
import { modelList } from './model-list.ts';
import { modelPromote } from './model-promote.ts';
import { modelReject } from './model-reject.ts';
import { modelRollback } from './model-rollback.ts';
import { modelShow } from './model-show.ts';
import { signalboxAudit } from './signalbox-audit.ts';
import { signalboxBreakglass } from './signalbox-breakglass.ts';
import { signalboxBreakglassEnd } from './signalbox-breakglass-end.ts';
import { signalboxBreakglassList } from './signalbox-breakglass-list.ts';
import { signalboxBreakglassReview } from './signalbox-breakglass-review.ts';
import { signalboxDrain } from './signalbox-drain.ts';
import { signalboxFreeze } from './signalbox-freeze.ts';
import { signalboxLink } from './signalbox-link.ts';
import { signalboxTokens } from './signalbox-tokens.ts';
import { signalboxTokensRevoke } from './signalbox-tokens-revoke.ts';
import { signalboxUndrain } from './signalbox-undrain.ts';
import { signalboxUnfreeze } from './signalbox-unfreeze.ts';
import { signalboxUnlink } from './signalbox-unlink.ts';
import { signalboxWhoami } from './signalbox-whoami.ts';
import { train } from './train.ts';
import { trainApprove } from './train-approve.ts';
import { trainArtifacts } from './train-artifacts.ts';
import { trainBump } from './train-bump.ts';
import { trainCancel } from './train-cancel.ts';
import { trainChart } from './train-chart.ts';
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
  trainBump,
  trainApprove,
  trainCompare,
  trainArtifacts,
  trainChart,
  gpu,
  gpuRequest,
  gpuExtend,
  gpuRelease,
  gpuUsage,
  gpuWhatif,
  modelList,
  modelShow,
  modelPromote,
  modelApprove,
  modelReject,
  modelCancel,
  modelRollback,
  modelHistory,
  signalboxWhoami,
  signalboxLink,
  signalboxUnlink,
  signalboxAudit,
  signalboxFreeze,
  signalboxUnfreeze,
  signalboxDrain,
  signalboxUndrain,
  signalboxBreakglass,
  signalboxBreakglassEnd,
  signalboxBreakglassList,
  signalboxBreakglassReview,
  signalboxTokens,
  signalboxTokensRevoke,
];
