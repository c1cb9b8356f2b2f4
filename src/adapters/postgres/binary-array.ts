const textOid = 25;
const byteaOid = 17;
const headBytes = 20;
const missing = -1;

/** `text[]` as PostgreSQL sends and receives it in binary, which the driver hands on as it is. */
export function textArray(values: (string | null)[]): Buffer {
  return binaryArray(
    textOid,
    values.map(value => (value === null ? null : Buffer.from(value))),
  );
}

/** `bytea[]`, likewise. */
export function byteaArray(values: (Buffer | null)[]): Buffer {
  return binaryArray(byteaOid, values);
}

/** One dimension, whether there are nulls, the elements' type, how many and from where they count; each with its length before it. See `array_recv`. */
function binaryArray(oid: number, values: (Buffer | null)[]): Buffer {
  const bytes = values.reduce((sum, value) => sum + 4 + (value?.length ?? 0), headBytes);
  const array = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const word of [1, values.includes(null) ? 1 : 0, oid, values.length, 1])
    at = array.writeInt32BE(word, at);
  for (const value of values) {
    at = array.writeInt32BE(value?.length ?? missing, at);
    if (value) at += value.copy(array, at);
  }
  return array;
}
