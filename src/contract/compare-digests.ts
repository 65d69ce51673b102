/**
 * Was a schema changed without raising its version? Events of one version must have one shape, or readers that
 * upcast by version would be misled for as long as the log lives.
 *
 * Versions that are stored and not declared are left alone: an older process of a rolling deployment does not know
 * them, and a newer one declares only its newest.
 */
import { refused, type SelvedgeError } from '../base/error.ts'
import type { SchemaDigest } from './schema-digest.ts'

/** What the comparison of stored and declared digests says to do. */
export interface DigestComparison {
  /** Declared digests that are not stored yet. */
  readonly added: readonly SchemaDigest[]
  /** One refusal `contract/changed-schema` for each schema that changed under its version; the service must not start. */
  readonly changed: readonly SelvedgeError[]
}

/** Compares the stored digests of a service with those its contracts declare. Pure. */
export function compareDigests(stored: readonly SchemaDigest[], declared: readonly SchemaDigest[]): DigestComparison {
  const known = new Map(stored.map((one) => [`${one.type}@${one.schemaVersion}`, one.digest]))
  const added: SchemaDigest[] = []
  const changed: SelvedgeError[] = []
  for (const one of declared) {
    const digest = known.get(`${one.type}@${one.schemaVersion}`)
    if (digest === undefined) added.push(one)
    else if (digest !== one.digest) changed.push(changedSchema(one, digest, stored))
  }
  return { added, changed }
}

function changedSchema(one: SchemaDigest, storedDigest: string, stored: readonly SchemaDigest[]): SelvedgeError {
  const { type, schemaVersion, digest } = one
  const versions = stored.filter((other) => other.type === type).map((other) => other.schemaVersion)
  // A version above this one may be taken by a newer deployment.
  const next = Math.max(schemaVersion, ...versions) + 1
  return refused(
    'contract/changed-schema',
    `the schema of ${type} changed, but its schemaVersion is still ${schemaVersion}`,
    `Raise schemaVersion to ${next} and give an upcast from ${next - 1}; or undo the change of the schema.`,
    { type, schemaVersion, stored: storedDigest, declared: digest },
  )
}
