/** The ways to hash rows. */

/**
 * How rows are hashed: `record` by PostgreSQL's own hash, `portable` by the hash of a text that every engine writes alike, `travel` by the same text in
 * TypeScript, where an engine cannot write it or there is no engine at all.
 */
export type Lane = 'record' | 'portable' | 'travel'
