/** The ways to hash rows. */

/**
 * How rows are hashed: `record` by PostgreSQL's own hash, `md5` by portable text in SQL, `travel` by the same text in
 * TypeScript, where an engine cannot write it or there is no engine at all.
 */
export type Lane = 'record' | 'md5' | 'travel'
