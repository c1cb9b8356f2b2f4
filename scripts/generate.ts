import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generated } from './generated.ts';

const root = path.resolve(import.meta.dirname, '..');

for (const { path: name, render } of generated) {
  const file = path.join(root, name);
  const text = render();
  const before = await readFile(file, 'utf8').catch(() => null);
  await mkdir(path.dirname(file), { recursive: true });
  if (before !== text) await writeFile(file, text);
  console.log(`${name}: ${before === text ? 'unchanged' : 'written'}`);
}
