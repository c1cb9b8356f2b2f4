/**
 * Reviews on GitHub answer promotions. `promotion_answers.review`: the review that said it. `promotion_shown`: what a promotion's message showed
 * from when on, as the digest of its evidence where it asked for an answer, else as its state.
 */
export const reviews = {
  name: '0030-reviews',
  sql: `
alter table promotion_answers add column review bigint;
create table promotion_shown (
  surface uuid not null references surfaces (id) on delete cascade,
  shown text not null,
  at timestamptz not null default clock_timestamp()
);
create index promotion_shown_at on promotion_shown (surface, at);
`,
} as const;
