import type { RawResponse } from './edge.ts';

interface HtmlPage {
  status: number;
  title: string;
  paragraphs: readonly string[];
  headers?: Record<string, string>;
  /** A button that sends these to the page's own address. `leadsTo`: the origin of another place to which the answer leads. */
  form?: { action: string; label: string; fields: Record<string, string>; leadsTo?: string };
  /** Another place to which the browser goes on by itself. */
  goesTo?: { address: string; label: string };
}

/** A page of its own: it loads nothing, runs nothing, is kept nowhere and shown in no frame. */
export function htmlPage({ status, title, paragraphs, headers, form, goesTo }: HtmlPage): RawResponse {
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
${goesTo ? `<meta http-equiv="refresh" content="0;url=${escapeHtml(goesTo.address)}">\n` : ''}<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;overflow-wrap:anywhere}</style>
<h1>${escapeHtml(title)}</h1>
${paragraphs.map(text => `<p>${escapeHtml(text)}</p>`).join('\n')}
${goesTo ? `<p><a href="${escapeHtml(goesTo.address)}" rel="noreferrer">${escapeHtml(goesTo.label)}</a></p>\n` : ''}${form ? htmlForm(form) : ''}</html>
`;
  const sends = form
    ? ` form-action 'self'${form.leadsTo ? ` ${form.leadsTo}` : ''};`
    : " form-action 'none';";
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'unsafe-inline';${sends} base-uri 'none'; frame-ancestors 'none'`,
      // Addresses hold codes.
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
    body,
  };
}

function htmlForm({ action, label, fields }: NonNullable<HtmlPage['form']>): string {
  const hidden = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  return `<form method="post" action="${escapeHtml(action)}">
${hidden.join('\n')}
<button>${escapeHtml(label)}</button>
</form>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`);
}
