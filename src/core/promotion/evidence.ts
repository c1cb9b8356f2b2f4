import type { Better } from '../metric-direction.ts';
import type { GateVerdict } from './gate.ts';
import type { Promotion } from './promotion.ts';

/** One metric of the version, beside the same of what serves. Numbers as people read them. */
export interface EvidenceMetric {
  name: string;
  value: string | null;
  before: string | null;
  better: Better | null;
  verdict: 'better' | 'worse' | 'same' | null;
}

/** What a promotion is decided on, as it was when it was gathered. */
export interface Evidence extends Pick<Promotion, 'kind' | 'model' | 'version' | 'environment'> {
  sha256: string;
  /** Whether that content is still kept. */
  isKept: boolean;
  run: number;
  sha: string;
  /** What serves there; null: nothing. */
  serving: { version: number; sha256: string; run: number; sha: string } | null;
  metrics: EvidenceMetric[];
  gates: Pick<GateVerdict, 'gate' | 'verdict' | 'sentence'>[];
  /** Parameters and resources that are not those of the run that made what serves. */
  differences: { label: string; value: string; before: string }[];
  /** Where the difference of the code is seen; null: nowhere. */
  codeLink: string | null;
  askedBy: string;
  trainedBy: string;
  /** `2.5 GPU h, 7.40 EUR`. */
  cost: string;
  drift: string;
  policy: { target: string; count: number; from: string };
}
