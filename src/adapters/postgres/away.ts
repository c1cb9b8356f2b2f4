/** Connection exceptions; shut down, crashed, starting; no connection free. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const states = /^(08...|57P0[1-5]|53300)$/;
const network = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT)$/;
/** The driver's own, which have no code. */
const words =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** Whether an error says that the database cannot be reached, rather than that a statement was wrong. */
export function isAway(err: unknown): boolean {
  if (!(err instanceof Error)) return false;
  if (words.test(err.message)) return true;
  const { code, syscall } = { code: undefined, syscall: undefined, ...err };
  if (typeof code !== 'string') return false;
  // Its socket is not there before it listens.
  return states.test(code) || network.test(code) || (code === 'ENOENT' && syscall === 'connect');
}
