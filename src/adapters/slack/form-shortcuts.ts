import { fromMessage } from './instant-payload.ts';

/** The shortcuts that open forms, as an app's manifest names them. */
export const formShortcuts = [
  { name: 'Train a model', type: 'global', callback_id: 'train', description: 'Opens the form for a run.' },
  {
    name: 'Train from this',
    type: 'message',
    callback_id: `train${fromMessage}`,
    description: 'Opens the form, filled in from the run or the command in this message.',
  },
] as const;
