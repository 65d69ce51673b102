/** Draws things and what happens to them. No value comes twice, but for NULL and booleans, so that each wrong one shows. */
import { type Random, seededRandom } from '../../src/base/base.ts'
import type { Fields, Kind, Op, Thing, Value } from './things.ts'

const strange = ['', ' ', '/', '%', '%2F', "'", '"', 'ß', '学', 'É', '🙂', '\\', '$1', '{}', 'NULL']

export class Draw {
  readonly random: Random
  #n = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  chance(share: number): boolean {
    return this.random.next() < share
  }

  /** A key that nobody has; texts of every sort. */
  thing(kind: Kind): Thing {
    this.#n += 1
    const text = `${this.random.pick(['a', 'B', 'ab', 'Z'])}${this.random.pick(strange)}${this.#n}`
    return { kind, key: kind.keys.length === 1 ? [text] : [text, this.random.int(100)] }
  }

  /** Events that leave the thing there; at least `least` of them. */
  history(kind: Kind, least = 1, most = 5): Op[] {
    const ops: Op[] = []
    let row: Fields | undefined
    const count = least + this.random.int(most - least + 1)
    while (ops.length < count || row === undefined) {
      const op = this.#next(kind, row)
      ops.push(op)
      row = after(row, op)
    }
    return ops
  }

  save(kind: Kind): Op {
    return { does: 'save', fields: this.fields(kind, Object.keys(kind.columns)) }
  }

  /** New values of some columns, of at least one that differs for sure. */
  patch(kind: Kind, not: readonly string[] = []): Op {
    const names = Object.keys(kind.columns).filter((name) => !not.includes(name))
    const sure = this.random.pick(names.filter((name) => isSure(name)))
    return {
      does: 'patch',
      fields: this.fields(
        kind,
        names.filter((name) => name === sure || this.chance(0.4)),
      ),
    }
  }

  /** Whatever keeps the thing there. */
  change(kind: Kind): Op {
    return this.chance(0.4) ? this.save(kind) : this.patch(kind)
  }

  fields(kind: Kind, names: readonly string[]): Fields {
    const drawn = names.map((name) => [name, this.#value(name, kind)] as const)
    return Object.fromEntries(drawn)
  }

  #next(kind: Kind, row: Fields | undefined): Op {
    if (row === undefined) return this.save(kind)
    return this.chance(0.15) ? { does: 'remove' } : this.change(kind)
  }

  #value(name: string, kind: Kind): Value {
    this.#n += 1
    const isNullable = !kind.columns[name]!.includes('not null')
    if (isNullable && !isSure(name) && this.chance(0.25)) return null
    if (name === 'active') return this.chance(0.5)
    if (name === 'score' || name === 'price') return this.#n / 4
    if (name === 'since') return new Date(1_700_000_000_000 + this.#n * 61_007).toISOString()
    return `${name} ${this.random.pick(strange)}${this.#n}`
  }
}

/** Columns of which every value is new. */
function isSure(name: string): boolean {
  return name === 'name' || name === 'score' || name === 'price'
}

/** What the row is after an op. */
export function after(row: Fields | undefined, op: Op): Fields | undefined {
  if (op.does === 'remove') return undefined
  if (op.does === 'save') return op.fields
  return row === undefined ? undefined : { ...row, ...op.fields }
}
