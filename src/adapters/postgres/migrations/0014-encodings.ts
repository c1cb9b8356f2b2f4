/** How a delivery's body is kept: null as it came, or `zstd`. */
export const encodings = {
  name: '0014-encodings',
  sql: 'alter table deliveries add column if not exists encoding text;',
} as const;
