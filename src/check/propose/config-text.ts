/** Writes proposals as a commented `selvedge.config.ts`. Where a database is stands in the environment, never in the file. */
import type { ProposedReference } from './decide-references.ts'
import type { KeyedTable, ProposedTwin } from './decide-replicas.ts'
import { columnsText, placeOf, referenceEvidence, twinEvidence } from './evidence.ts'
import type { Proposals } from './propose.ts'
import type { SurveyTable } from './survey.ts'

/** A source as the file names it. */
export interface NamedSource {
  readonly name: string
  /** The environment variable that holds its URL. */
  readonly variable: string
}

/** The text of the file. What is doubtful is commented out, with the reason. */
export function configText(sources: readonly NamedSource[], { references, twins }: Proposals): string {
  const sure = references.filter(({ confidence }) => confidence === 'sure')
  const doubtful = references.filter(({ confidence }) => confidence === 'doubtful')
  const names = uniqueNames([...twins.map(twinName), ...sure.map(referenceName), ...doubtful.map(referenceName)])
  const parts = [
    ...twins.map((one, i) => commented(twinEvidence(one), twinText(one, names[i]!))),
    ...sure.map((one, i) => commented(referenceEvidence(one), referenceText(one, names[twins.length + i]!))),
    ...doubtful.map((one, i) => {
      const text = referenceText(one, names[twins.length + sure.length + i]!)
      return asComment([`${referenceEvidence(one)}. Doubtful: ${one.doubt}.`, ...text])
    }),
  ]
  const used = ['agree', 'references', 'replicaOf'].filter((name) =>
    parts.flat().some((line) => line.startsWith(`${name}(`)),
  )
  const body = parts.flatMap((part) => part.map((line) => `    ${line}`))
  const list =
    body.length === 0
      ? ['  // Nothing was found that must agree.', '  invariants: [],']
      : ['  invariants: [', ...body, '  ],']
  return `${[
    '// Proposed by `selvedge init` from keys, names and sampled values. Read it, correct it, then run: npx selvedge check',
    `import { ${['defineConfig', ...used].sort().join(', ')} } from 'selvedge/invariant'`,
    '',
    'export default defineConfig({',
    '  sources: {',
    ...sources.map(({ name, variable }) => `    ${property(name)}: { url: process.env.${variable}! },`),
    '  },',
    ...list,
    '})',
  ].join('\n')}\n`
}

function commented(evidence: string, lines: readonly string[]): string[] {
  return [...asComment([`${evidence}.`]), ...lines]
}

function asComment(lines: readonly string[]): string[] {
  // A value of a row that stands in the evidence must not end the comment.
  return lines.map(
    (line) => `// ${[...line].map((c) => (c < ' ' || c === '\u2028' || c === '\u2029' ? ' ' : c)).join('')}`,
  )
}

function referenceName({ table, columns, parent }: ProposedReference): string {
  return `Every ${placeOf(table)}.${columnsText(columns)} is in ${placeOf(parent.table)}`
}

function twinName({ kind, first, second }: ProposedTwin): string {
  const [a, b] = [placeOf(first.table), placeOf(second.table)]
  return kind === 'replicaOf' ? `${b} holds what ${a} holds` : `${a} and ${b} hold the same`
}

/** An invariant is known by its name. */
function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name} (${count})`
  })
}

function referenceText({ table, columns, parent }: ProposedReference, name: string): string[] {
  const key = table.keys[0] ?? columns
  return [
    `references(${literal(name)}, {`,
    `  child: { ${sideText(table)}, key: ${keyText(key)}, by: ${keyText(columns)} },`,
    `  parent: { ${sideText(parent.table)}, key: ${keyText(parent.columns)} },`,
    '}),',
  ]
}

function twinText({ kind, first, second, columns }: ProposedTwin, name: string): string[] {
  const side = ({ table, key }: KeyedTable, of: 'first' | 'second') => {
    const pairs = columns.map((pair) => {
      const shared = pair.first
      return `${property(shared)}: ${expression(pair[of])}`
    })
    return `{ ${sideText(table)}, key: ${expression(key)}, columns: { ${pairs.join(', ')} } }`
  }
  if (kind === 'agree') return [`agree(${literal(name)}, ${side(first, 'first')}, ${side(second, 'second')}),`]
  return [
    `replicaOf(${literal(name)}, {`,
    `  owner: ${side(first, 'first')},`,
    `  copy: ${side(second, 'second')},`,
    '}),',
  ]
}

function sideText({ source, name }: SurveyTable): string {
  return `source: ${literal(source)}, table: ${literal(name)}`
}

function keyText(key: readonly string[]): string {
  return key.length === 1 ? expression(key[0]!) : `[${key.map(expression).join(', ')}]`
}

/** A name that looks like SQL is said to be a column. */
function expression(column: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(column) ? literal(column) : `{ column: ${literal(column)} }`
}

function property(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name) && name !== '__proto__' ? name : `[${literal(name)}]`
}

function literal(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
