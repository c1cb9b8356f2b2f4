import type { PictureLook } from '../../core/ports.ts';

export type Theme = PictureLook['theme'];

export interface Colours {
  background: string;
  text: string;
  /** Titles of axes, numbers beside them. */
  quiet: string;
  grid: string;
  baseline: string;
  /** Of the runs, in order. */
  runs: readonly string[];
}

/**
 * Of the eight colours that every kind of colour blindness tells apart (Okabe and Ito, Color Universal Design, 2008) those that stand out
 * by at least 3 to 1 from the background. Nothing is said by them alone: each line has its name at its end, and a baseline is dashed.
 */
export const themes: Record<Theme, Colours> = {
  light: {
    background: '#ffffff',
    text: '#1d1c1d',
    quiet: '#5c5b5e',
    grid: '#e6e6e6',
    baseline: '#767676',
    runs: ['#0072b2', '#d55e00', '#00835f', '#a0477c'],
  },
  dark: {
    background: '#1a1d21',
    text: '#e8e8e8',
    quiet: '#abacae',
    grid: '#33363b',
    baseline: '#9d9d9d',
    runs: ['#56b4e9', '#e69f00', '#2bb98f', '#e39cc3'],
  },
};
