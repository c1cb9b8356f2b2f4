/** An amount for people: `USD 51.20`, `USD 1,204`. Rounded up, so that nobody is told less than it is. */
export function formatMoney(amount: number, currency: string): string {
  return `${currency} ${formatAmount(amount)}`;
}

/** The same where what it is in is said elsewhere. */
export function formatAmount(amount: number): string {
  const cents = toCents(amount);
  const digits = cents % 100 === 0 ? 0 : 2;
  return (cents / 100).toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The same as it is typed: `51.20`. */
export function typedMoney(amount: number): string {
  return (toCents(amount) / 100).toFixed(2);
}

/** Whether an amount is no more than another one that was rounded as people see it. */
export function isWithin(amount: number, shown: number): boolean {
  return toCents(amount) <= toCents(shown);
}

/** What binary fractions add to a sum is no cent. */
function toCents(amount: number): number {
  return Math.ceil(Number((amount * 100).toFixed(4)));
}
