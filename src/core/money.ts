/** An amount for people: `51.20 USD`. */
export function formatMoney(amount: number, currency: string): string {
  return `${typedMoney(amount)} ${currency}`;
}

/** The same as it is typed, or where what it is in is said elsewhere: `51.20`. */
export function typedMoney(amount: number): string {
  return (toCents(amount) / 100).toFixed(2);
}

/** Whether an amount is no more than another one, as people see them. */
export function isWithin(amount: number, shown: number): boolean {
  return toCents(amount) <= toCents(shown);
}

function toCents(amount: number): number {
  return Math.round(amount * 100);
}
