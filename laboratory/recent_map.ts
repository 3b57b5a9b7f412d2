/**
 * A map of bounded size.
 *
 * @module
 */

/** Most entries of a map. */
const MAX_ENTRIES = 10_000;

/** Forgets the entry that was set first when there are more than 10,000. */
export class RecentMap<K, V> extends Map<K, V> {
  override set(key: K, value: V): this {
    super.set(key, value);
    if (this.size > MAX_ENTRIES) this.delete(this.keys().next().value!);
    return this;
  }
}
