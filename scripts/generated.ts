import { commands } from '../commands/index.ts';
import { githubManifest } from '../src/adapters/github/manifest.ts';
import { slackManifest } from '../src/adapters/slack/manifest.ts';
import { variables } from '../src/config.ts';
import { hasRank, mayAsWriter, mayUse, placeNames } from '../src/core/access.ts';
import { type Place, placeKinds, type Role, roles } from '../src/core/actor.ts';
import type { CommandDefinition } from '../src/core/command.ts';
import { errors } from '../src/core/errors.ts';
import { failureKinds } from '../src/core/failures/failure-kinds.ts';
import { repositoryFileJsonSchema } from '../src/core/repository-file.ts';
import { webhooks } from '../webhooks/index.ts';

/** Files that are made from the source and never edited; a test holds them equal to it, and `npm run generate` writes them. */
export const generated: readonly { path: string; render(): string }[] = [
  { path: 'docs/errors.md', render: renderErrors },
  { path: 'docs/access.md', render: renderAccess },
  { path: 'docs/signalbox.schema.json', render: renderFileSchema },
  { path: '.env.example', render: renderEnvironment },
  { path: 'deploy/slack-manifest.json', render: renderManifest },
  { path: 'deploy/github-manifest.json', render: renderGitHubManifest },
];

function renderErrors(): string {
  const rows = Object.entries(errors).map(([code, { status, what, why, todo }]) =>
    ['', ` \`${code}\` `, ` ${status} `, ...[what, why, todo].map(text => ` ${cell(text)} `), ''].join('|'),
  );
  const kinds = Object.entries(failureKinds).map(([name, { title, means, todo }]) =>
    ['', ` \`${name}\` `, ...[title, means, todo].map(text => ` ${cell(text)} `), ''].join('|'),
  );
  return `# Errors

Made from \`src/core/errors.ts\` by \`npm run generate\`. Words in braces are filled in; a sentence whose word is not known is left out.
The API answers with the code as \`code\` in \`application/problem+json\`, under the HTTP status given here.

| code | HTTP | what happened | why | what to do |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

## Why runs fail

Made from \`src/core/failures/failure-kinds.ts\`. The class is in the run's message, in its thread, and as \`failure.class\` in its JSON. A command that ended by itself
is classed by the error that it ended with, else by its last words, else by its exit code: what the log says before counts for nothing.

| class | shown as | what it means | what to do |
| --- | --- | --- | --- |
${kinds.join('\n')}
`;
}

function renderAccess(): string {
  const row = (name: string, place: Place['kind'], may: string[]) =>
    ['', ` \`${name}\` `, ` ${placeNames[place]} `, ...may.map(text => ` ${text} `), ''].join('|');
  const rows = commands.flatMap(command => {
    const all = placeKinds.map(place => {
      const may = roles.map(role => (mayUse(command, role, place).ok ? extentOf(command, role) : ''));
      return row(command.path.join(' '), place, may);
    });
    const { writers } = command;
    if (!writers) return all;
    const may = roles.map(role =>
      mayAsWriter(writers, role, 'none').ok ? 'yes' : mayAsWriter(writers, role, 'write').ok ? 'write' : '',
    );
    return [...all, row(writers.usage, 'github', may)];
  });
  return `# Who may do what, where

Made from the commands by \`npm run generate\`, by asking the decision of \`src/core/access.ts\` for every role, command and place. *own*: what
belongs to whoever asks, under any of their accounts. *write*: at a pull request, those whom GitHub lets write to its repository when it is
handled; \`forks: approver\` of a project wants the role as well. Beyond this, two keys of a project in signalbox.yml bind \`train\` and \`train retry\`, from
wherever they are said: \`runsIn: production\` needs the role that \`environments: { production: { needs: operator } }\` names, and
\`trainers: team\` the project's own team, except of operators. A token of the API may do what its scopes say, in every environment. Nobody has a
role by an account that was not proved to be theirs; [people.md](people.md) tells where roles come from. A freeze forbids nobody to ask: what was asked for waits, and says so.

| command | from | ${roles.join(' | ')} |
| --- | --- | ${roles.map(() => '---').join(' | ')} |
${rows.join('\n')}
`;
}

function extentOf({ own }: Pick<CommandDefinition, 'own'>, role: Role): string {
  return own && !hasRank(role, 'operator') ? 'own' : 'yes';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function renderEnvironment(): string {
  const parts = Object.entries(variables).map(([name, variable]) => {
    const preset = 'default' in variable ? variable.default : undefined;
    const example = 'example' in variable ? variable.example : undefined;
    return `# ${variable.about}\n#${name}=${preset ?? example ?? ''}\n`;
  });
  return `# Made from src/config.ts by \`npm run generate\`. Every variable that Signalbox reads; all are optional.\n\n${parts.join('\n')}`;
}

function renderManifest(): string {
  return `${JSON.stringify(slackManifest(commands), null, 2)}\n`;
}

function renderGitHubManifest(): string {
  const kinds = webhooks.flatMap(({ source, kind }) => (source === 'github' ? [kind] : []));
  return `${JSON.stringify(githubManifest(kinds), null, 2)}\n`;
}

function renderFileSchema(): string {
  return `${JSON.stringify(repositoryFileJsonSchema(), null, 2)}\n`;
}
