/**
 * What SARIF 2.1.0 (OASIS, section 3) demands of the parts that we write, as JSON Schema: required fields, enumerations,
 * no field that the standard does not have.
 */
const text = { type: 'string', minLength: 1 }
const message = object({ text }, ['text'])
const properties = { type: 'object' }
const levels = { enum: ['none', 'note', 'warning', 'error'] }
const list = (items: object) => ({ type: 'array', items })

function object(fields: Readonly<Record<string, object>>, required: readonly string[] = []) {
  return { type: 'object', properties: fields, required, additionalProperties: false }
}

const rule = object(
  {
    ...{ id: text, shortDescription: message, fullDescription: message, help: message, properties },
    defaultConfiguration: object({ level: levels }),
  },
  ['id'],
)

const location = object({
  physicalLocation: object(
    {
      artifactLocation: object({ uri: { type: 'string', pattern: '^[^\\s\\\\]+$' }, uriBaseId: text }),
      region: object({ startLine: { type: 'integer', minimum: 1 } }),
    },
    ['artifactLocation'],
  ),
  logicalLocations: list(object({ name: { type: 'string' }, kind: text, fullyQualifiedName: text })),
})

const result = object(
  {
    ...{ ruleId: text, level: levels, message, properties },
    kind: { enum: ['notApplicable', 'pass', 'fail', 'review', 'open', 'informational'] },
    locations: list(location),
    partialFingerprints: { type: 'object', additionalProperties: { type: 'string' } },
    suppressions: list(
      object(
        {
          kind: { enum: ['inSource', 'external'] },
          status: { enum: ['accepted', 'underReview', 'rejected'] },
          justification: text,
        },
        ['kind'],
      ),
    ),
  },
  ['message'],
)

const invocation = object(
  {
    executionSuccessful: { type: 'boolean' },
    endTimeUtc: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' },
    toolExecutionNotifications: list(
      object({ level: levels, message, associatedRule: object({ id: text }) }, ['message']),
    ),
  },
  ['executionSuccessful'],
)

const run = object(
  {
    tool: object({ driver: object({ name: text, semanticVersion: text, rules: list(rule) }, ['name']) }, ['driver']),
    columnKind: { enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
    originalUriBaseIds: { type: 'object', additionalProperties: object({ description: message }) },
    invocations: list(invocation),
    results: list(result),
    properties,
  },
  ['tool'],
)

/** The schema. */
export const sarifShape = object({ $schema: text, version: { const: '2.1.0' }, runs: list(run) }, ['version', 'runs'])
