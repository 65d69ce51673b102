/**
 * Applies a plan in a process of its own and ends itself by SIGKILL at one moment of one step. Arguments: the owner's URL,
 * the copy's, the journal's folder, the plan's path, the moment, the step (0 for any).
 */
import { readFileSync } from 'node:fs'
import { apply, parsePlan } from '../../src/reconcile/reconcile.ts'
import { pairConfig } from './pair-config.ts'

const [ownerUrl = '', copyUrl = '', folder = '', path = '', moment, step] = process.argv.slice(2)
const applied = await apply(pairConfig([ownerUrl, copyUrl], { kind: 'sql' }), parsePlan(readFileSync(path, 'utf8')), {
  folder,
  allowDelete: true,
  atMoment: (now, of) => {
    if (now === moment && (step === '0' || String(of) === step)) process.kill(process.pid, 'SIGKILL')
  },
})
console.log(JSON.stringify(applied))
