/**
 * The reader's side of a contract: data of any older schema version becomes data of the newest, keys it does not know
 * are ignored, and what then breaks the contract is refused, so that the inbox can park it by name.
 */
import { refused, type SelvedgeError } from '../base/error.ts'
import { compiledSchema } from './compiled-schema.ts'
import { depthMax } from './inspect.ts'
import { keepKnown } from './keep-known.ts'
import { type Contract, invalidPayload, nameOf, valuesOf } from './prepare.ts'

/**
 * The data of the newest schema version, from stored data of `schemaVersion`.
 *
 * The steps from `schemaVersion` on run one after the other, then the result is validated openly. `data` itself is
 * handed to the first step as it is: a step that changes its argument changes the caller's copy.
 *
 * @throws Refused `contract/unknown-schema-version` for a version newer than this reader, or so old that its upcast
 *   is gone; `contract/upcast-failed` when a step throws; `contract/invalid-payload` with the paths.
 */
export function receive<D>(contract: Contract<D>, schemaVersion: number, data: unknown): D {
  const newest = schemaVersion === contract.schemaVersion ? data : upcast(contract, schemaVersion, data)
  const { rules, check } = compiledSchema(contract.schema, contract)
  const known = keepKnown(newest, rules, () => {
    throw invalidPayload(contract, schemaVersion, [{ message: `nests deeper than ${depthMax} levels` }], newest)
  })
  const result = check(known)
  if (result.issues !== undefined) throw invalidPayload(contract, schemaVersion, result.issues, known)
  return result.value
}

function upcast(contract: Contract, schemaVersion: number, data: unknown): unknown {
  let at = data
  if (!Number.isSafeInteger(schemaVersion) || schemaVersion > contract.schemaVersion || schemaVersion < 1) {
    throw unknownVersion(contract, schemaVersion)
  }
  for (let version = schemaVersion; version < contract.schemaVersion; version++) {
    const step = contract.upcast.get(version)
    if (step === undefined) throw unknownVersion(contract, schemaVersion)
    try {
      at = step(at)
    } catch (cause) {
      throw failed(contract, version, cause)
    }
  }
  return at
}

function unknownVersion(contract: Contract, had: number): SelvedgeError {
  const known = contract.schemaVersion
  const newer = had > known
  return refused(
    'contract/unknown-schema-version',
    `${nameOf(contract)} arrived with schemaVersion ${String(had)}; this reader knows ${known}`,
    newer
      ? 'Deploy the newer contract here, then retry the parked events; nothing is lost.'
      : `Give ${nameOf(contract)} an upcast from schemaVersion ${String(had)}, then retry the parked events.`,
    { ...valuesOf(contract), had: String(had), known },
  )
}

function failed(contract: Contract, version: number, cause: unknown): SelvedgeError {
  // The cause is kept for whoever debugs it; its message may quote the data, so it stays out of ours.
  return refused(
    'contract/upcast-failed',
    `the upcast of ${nameOf(contract)} from schemaVersion ${version} to ${version + 1} threw`,
    'Correct the upcast, deploy, then retry the parked events; nothing is lost.',
    { ...valuesOf(contract), from: version, cause },
  )
}
