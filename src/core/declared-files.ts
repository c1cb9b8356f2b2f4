import { z } from 'zod';
import { globSchema, matchesGlob } from './glob.ts';
import type { FileDigest } from './ports.ts';

/** Inputs that are digested at most: how many files, and how much they hold together. */
export const inputLimits = { files: 2_000, bytes: 200 * 1024 ** 3 };
/** Outputs of one run at most; how much they may hold is configured. */
export const mostOutputs = 1_000;
export const longestFileName = 400;

/** Patterns of files below a folder. */
export const declaredFilesSchema = z
  .array(
    globSchema.refine(
      text => text.split('/').every(part => part !== '' && part !== '.' && part !== '..'),
      'must name files inside of the folder: no leading or double slash, no . and no .. between slashes',
    ),
  )
  .max(50);

/** One file below a folder. */
export const outputNameSchema = z
  .string()
  .refine(isFileName, 'must be the name of one file inside of the folder, in one readable line');

/** The digest of a content, as it is written everywhere. */
export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 digits');

/** Whether any of these patterns means a file. */
export function isDeclared(patterns: readonly string[], name: string): boolean {
  return patterns.some(pattern => matchesGlob(pattern, name));
}

/** Patterns that fit none of the files. */
export function withoutFile(
  patterns: readonly string[],
  files: readonly Pick<FileDigest, 'name'>[],
): string[] {
  return patterns.filter(pattern => !files.some(file => matchesGlob(pattern, file.name)));
}

/** Whether a file's name can be kept and shown: one line of readable signs, in Unicode as it was written, of bounded length. */
export function isFileName(name: string): boolean {
  return (
    name !== '' &&
    name.length <= longestFileName &&
    // Bytes that are no UTF-8 are read as U+FFFD, and a file would not be found by that name.
    !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFD]/u.test(name) &&
    name.split('/').every(part => part !== '' && part !== '.' && part !== '..')
  );
}
