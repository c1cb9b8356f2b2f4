import type { MetricExtreme, MetricSummary } from './ports.ts';

/** Which values of a metric are good ones. */
export type Better = 'higher' | 'lower';

/** Words of names, as libraries for training write them; the last one that is known decides: `val_accuracy_loss` is a loss. */
const words: Readonly<Record<string, Better>> = {
  ...each('lower', [
    ...['loss', 'nll', 'error', 'err', 'mse', 'rmse', 'mae', 'mape', 'smape', 'rmsle', 'perplexity', 'ppl'],
    ...[
      'wer',
      'cer',
      'ter',
      'eer',
      'fid',
      'lpips',
      'brier',
      'ece',
      'logloss',
      'crossentropy',
      'bpb',
      'fpr',
      'fnr',
    ],
  ]),
  ...each('higher', [
    ...[
      'acc',
      'accuracy',
      'auc',
      'auroc',
      'auprc',
      'roc',
      'f1',
      'fscore',
      'fbeta',
      'precision',
      'recall',
      'dice',
    ],
    ...[
      'bleu',
      'rouge',
      'meteor',
      'chrf',
      'r2',
      'iou',
      'miou',
      'map',
      'ap',
      'ndcg',
      'mrr',
      'mcc',
      'kappa',
      'psnr',
    ],
    ...['ssim', 'reward', 'tpr', 'tnr', 'sensitivity', 'specificity', 'correlation', 'pearson', 'spearman'],
  ]),
};

/** Names that end so are about something else: `loss_scale`, `accuracy_weight`. */
const others: ReadonlySet<string> = new Set([
  ...[
    'scale',
    'weight',
    'weights',
    'coef',
    'coefficient',
    'threshold',
    'time',
    'seconds',
    'ms',
    'count',
    'lr',
  ],
]);

function each(better: Better, names: readonly string[]): Record<string, Better> {
  return Object.fromEntries(names.map(name => [name, better]));
}

/**
 * In which direction a metric gets better: as it is declared, else as its name says. Null: nobody knows, and so it has no best value and
 * no verdict.
 */
export function betterOf(
  name: string,
  declared: Readonly<Record<string, { better: Better }>>,
): Better | null {
  const said = Object.hasOwn(declared, name) ? declared[name] : undefined;
  if (said) return said.better;
  const inName = wordsOf(name);
  const known = inName.findLast(word => Object.hasOwn(words, word));
  if (known === undefined || others.has(inName.at(-1) ?? '')) return null;
  const better = words[known] ?? null;
  // As scikit-learn calls errors whose sign it has turned: `neg_mean_squared_error`.
  return inName[0] === 'neg' && better === 'lower' ? 'higher' : better;
}

/** `valAUC`, `val/auc`, `val-auc` and `auc@10` all have the word `auc`; `map50` has `map`. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .flatMap(word => (Object.hasOwn(words, word) ? [word] : [word.replace(/\d+$/, '')]));
}

/** Its best value, which is not its last one. Null where nobody knows which is better. */
export function bestOf(
  { least, most }: Pick<MetricSummary, 'least' | 'most'>,
  better: Better | null,
): MetricExtreme | null {
  if (better === null) return null;
  return better === 'lower' ? least : most;
}
