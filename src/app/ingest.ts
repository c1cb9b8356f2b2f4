import type { DeliveryStore, NewDelivery, Wakeups } from '../core/ports.ts';

/**
 * A verified delivery becomes a stored fact, then a wake-up. Resolves when it is stored durably: the edge acks after that and not
 * before. Throws STORE_UNAVAILABLE.
 */
export async function ingest(
  delivery: NewDelivery<string | Uint8Array>,
  ports: { deliveries: Pick<DeliveryStore, 'store'>; wakeups: Wakeups },
): Promise<{ outcome: 'stored' | 'duplicate' | 'conflict' }> {
  const { outcome } = await ports.deliveries.store(delivery);
  if (outcome === 'stored') ports.wakeups.wake(['deliveries']);
  return { outcome };
}
