/** Secrets by their shape: tokens of the services that Signalbox talks to, its own, keys, and passwords in addresses. */
const shapes: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\bxox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}/g,
  /\bxapp-[A-Za-z0-9-]{8,}/g,
  /\bgh[pousr]_[A-Za-z0-9_]{16,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{16,}/g,
  /\bsb[xa]_[A-Za-z0-9._-]{16,}/g,
  /\bhooks\.slack\.com\/(?:services|commands|actions)\/[A-Za-z0-9/_-]+/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /\bATATT[A-Za-z0-9_=-]{16,}/g,
  /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@]{0,64}:)[^\s@/]{1,256}(?=@)/g,
  /(?<=\bBearer\s)[A-Za-z0-9._~+/=-]{8,}/gi,
];

/** The text with everything that looks like a secret, and every known secret value, replaced. */
export function redact(text: string, known: readonly string[] = []): string {
  let clean = text;
  for (const secret of known) if (secret.length >= 6) clean = clean.replaceAll(secret, '[redacted]');
  for (const shape of shapes) clean = clean.replace(shape, '[redacted]');
  return clean;
}
