import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import path from 'node:path';
import {
  isBindingElement,
  isCallExpression,
  isElementAccessExpression,
  isExportDeclaration,
  isExternalModuleReference,
  isIdentifier,
  isImportDeclaration,
  isImportTypeNode,
  isLiteralTypeNode,
  isMetaProperty,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isPropertyAccessExpression,
  isShorthandPropertyAssignment,
  isStringLiteral,
  isVariableDeclaration,
  type Node,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { API } from 'typescript/unstable/sync';

/** One source file as its syntax tree says, so that words in strings and comments count for nothing. */
export interface Module {
  /** Relative to the repository, with forward slashes. */
  file: string;
  /** What it imports in any form; a file of the repository as its path (`src/core/run.ts`), else as written (`zod`, `node:fs`). */
  imports: string[];
  /** Globals that it uses, as dotted names: `process.env`, `Date.now`, `setTimeout`; `new Date` without arguments is `new Date`. */
  uses: string[];
}

export const repository = path.resolve(import.meta.dirname, '..', '..');

/** Paths of the repository's files that match, sorted. */
export async function filesOf(patterns: string[]): Promise<string[]> {
  const found: string[] = [];
  const exclude = ['**/node_modules/**', '.signalbox/**', '.cache/**'];
  for await (const file of glob(patterns, { cwd: repository, exclude })) found.push(file);
  return found.sort();
}

export function textOf(file: string): string {
  return readFileSync(path.join(repository, file), 'utf8');
}

/** Reads sources with the TypeScript parser itself; the same file may come more than once, with other text. */
export function readModules(sources: { file: string; text: string }[]): Module[] {
  const root = '/repository';
  const place = (file: string, at: number) => `${root}/${at}/${file}`;
  const options = { noLib: true, noResolve: true, types: [], module: 'nodenext', allowJs: true };
  const listed = sources.map(({ file }, at) => place(file, at));
  const config = JSON.stringify({ compilerOptions: options, files: listed });
  const files = Object.fromEntries(sources.map(({ file, text }, at) => [place(file, at), text]));
  const api = new API({
    cwd: root,
    fs: createVirtualFileSystem({ ...files, [`${root}/tsconfig.json`]: config }),
  });
  const snapshot = api.updateSnapshot({ openProjects: [`${root}/tsconfig.json`] });
  try {
    const program = snapshot.getProjects()[0]?.program;
    return sources.map(({ file }, at) => {
      const tree = program?.getSourceFile(place(file, at));
      if (!tree) throw new Error(`${file} cannot be parsed`);
      return readModule(file, tree);
    });
  } finally {
    snapshot.dispose();
    api.close();
  }
}

function readModule(file: string, tree: Node): Module {
  const imports = new Set<string>();
  const uses = new Set<string>();
  const visit = (node: Node): undefined => {
    const specifier = specifierOf(node);
    if (specifier !== null) imports.add(targetOf(file, specifier));
    const use = useOf(node);
    if (use !== null) uses.add(use);
    node.forEachChild(visit);
  };
  visit(tree);
  return { file, imports: [...imports].sort(), uses: [...uses].sort() };
}

function targetOf(file: string, specifier: string): string {
  return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : specifier;
}

/** What an import in any of its forms names; a name that is worked out at run time is `(computed)`. */
function specifierOf(node: Node): string | null {
  if (isImportDeclaration(node) || isExportDeclaration(node))
    return node.moduleSpecifier ? literalOf(node.moduleSpecifier) : null;
  if (isExternalModuleReference(node)) return literalOf(node.expression);
  if (isImportTypeNode(node))
    return isLiteralTypeNode(node.argument) ? literalOf(node.argument.literal) : '(computed)';
  if (!isCallExpression(node)) return null;
  const callee = node.expression;
  const dynamic = callee.kind === SyntaxKind.ImportKeyword;
  const required = isIdentifier(callee) && callee.text === 'require';
  return dynamic || required ? literalOf(node.arguments[0]) : null;
}

function literalOf(node: Node | undefined): string {
  return node && (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) ? node.text : '(computed)';
}

/** `const { env } = process` reads it as `process.env` does, and so does `process['env']`. */
function takenOut(node: Node): string | null {
  if (
    isElementAccessExpression(node) &&
    isIdentifier(node.expression) &&
    isStringLiteral(node.argumentExpression)
  )
    return `${node.expression.text}.${node.argumentExpression.text}`;
  if (!isBindingElement(node)) return null;
  const declaration = node.parent.parent;
  if (
    !isVariableDeclaration(declaration) ||
    !declaration.initializer ||
    !isIdentifier(declaration.initializer)
  )
    return null;
  const name = node.propertyName ?? node.name;
  return name && isIdentifier(name) ? `${declaration.initializer.text}.${name.text}` : null;
}

function useOf(node: Node): string | null {
  const taken = takenOut(node);
  if (taken !== null) return taken;
  if (isNewExpression(node) && isIdentifier(node.expression) && node.expression.text === 'Date')
    return (node.arguments?.length ?? 0) === 0 ? 'new Date' : null;
  if (isPropertyAccessExpression(node)) {
    if (isIdentifier(node.expression)) return `${node.expression.text}.${node.name.text}`;
    return isMetaProperty(node.expression) ? `import.meta.${node.name.text}` : null;
  }
  return isIdentifier(node) && !isNameOf(node.parent, node) ? node.text : null;
}

/** The name of a property or of something declared is a word of its own; only what stands alone can be a global. */
function isNameOf(parent: Node | undefined, node: Node): boolean {
  if (parent === undefined || isShorthandPropertyAssignment(parent)) return false;
  const names = parent as { name?: Node; propertyName?: Node };
  return names.name === node || names.propertyName === node;
}
