import { instrumentAs } from './steps.ts';
import { watchSystemCalls } from './system-calls.ts';

const folder = decodeURIComponent(new URL(import.meta.url).search.slice(1));
instrumentAs('supervisor', folder);
watchSystemCalls('supervisor', folder);
