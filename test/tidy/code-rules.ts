/** Rules about what a file may say: pure decisions, timers and clocks in their places, short functions. */
import ts from 'typescript'
import { isSource, isTest, type Rule } from './project-files.ts'
import { heightOf, importsOf, lineOf, nodesOf } from './syntax.ts'

const functionLinesMax = 70

export const functionsAreShort: Rule = (files) =>
  files
    .filter((file) => file.path.endsWith('.ts') && !isTest(file))
    .flatMap((file) =>
      [...nodesOf(file)].flatMap((node) => {
        if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return []
        const lines = heightOf(node)
        if (lines <= functionLinesMax) return []
        return [`${file.path}:${lineOf(node)} is a function of ${lines} lines, at most ${functionLinesMax}.`]
      }),
    )

/** Decisions are pure: what they need is handed to them, what follows is done by the file that called them. */
export const decisionsArePure: Rule = (files) =>
  files
    .filter((file) => isSource(file) && /(^|\/)(decide|conflict|classify|compare|advise)[^/]*$/.test(file.path))
    .flatMap((file) => [
      ...[...nodesOf(file)].flatMap((node) => {
        const what = impurityOf(node)
        return what === undefined
          ? []
          : [`${file.path}:${lineOf(node)} ${what}: decisions are pure, effects live elsewhere.`]
      }),
      ...importsOf(file)
        .filter(({ specifier }) => /^(node:|pg$|pg\/)/.test(specifier))
        .map(({ specifier, line }) => `${file.path}:${line} imports ${specifier}: a decision needs no driver.`),
    ])

const effectNames = new Set(['Clock', 'systemClock', 'Scheduler', 'Database', 'Transaction', 'Queryable', 'fetch'])

function impurityOf(node: ts.Node): string | undefined {
  if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)) return 'awaits'
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'is async'
  if (readsClock(node)) return 'reads a clock'
  if (ts.isIdentifier(node) && effectNames.has(node.text) && !ts.isPropertyAccessExpression(node.parent))
    return `uses ${node.text}`
  return undefined
}

export const onlyTheClockReadsTime: Rule = (files) =>
  files
    .filter((file) => isSource(file) && file.path !== 'src/base/clock.ts')
    .flatMap((file) =>
      [...nodesOf(file)]
        .filter(readsClock)
        .map((node) => `${file.path}:${lineOf(node)} reads the machine's clock: take a Clock.`),
    )

/** `new Date()`, `Date.now()` and `performance.now()`; `new Date(text)` reads no clock. */
function readsClock(node: ts.Node): boolean {
  if (ts.isNewExpression(node)) {
    return ts.isIdentifier(node.expression) && node.expression.text === 'Date' && (node.arguments ?? []).length === 0
  }
  if (!ts.isPropertyAccessExpression(node) || node.name.text !== 'now' || !ts.isIdentifier(node.expression))
    return false
  return node.expression.text === 'Date' || node.expression.text === 'performance'
}

export const onlyTheSchedulerHasTimers: Rule = (files) =>
  files
    .filter((file) => isSource(file) && file.path !== 'src/base/scheduler.ts')
    .flatMap((file) => [
      ...[...nodesOf(file)]
        .filter(
          (node) =>
            ts.isIdentifier(node) && (node.text === 'setTimeout' || node.text === 'setInterval') && !isMember(node),
        )
        .map((node) => `${file.path}:${lineOf(node)} has a timer: make it a task or a sleep of the Scheduler.`),
      ...importsOf(file)
        .filter(({ specifier }) => /^(node:)?timers(\/promises)?$/.test(specifier))
        .map(({ line }) => `${file.path}:${line} imports timers: use the Scheduler.`),
    ])

/** `socket.setTimeout(…)` is the socket's own deadline, not a timer of ours. */
function isMember(node: ts.Node): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node && parent.expression.getText() !== 'globalThis'
  return ts.isPropertyAssignment(parent) && parent.name === node
}

export const nothingIsExportedAsDefault: Rule = (files) =>
  files
    .filter(isSource)
    .flatMap((file) =>
      [...nodesOf(file)]
        .filter(isDefaultExport)
        .map((node) => `${file.path}:${lineOf(node)} exports a default: give it a name.`),
    )

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true
  if (ts.isExportSpecifier(node)) return node.name.text === 'default'
  if (!ts.canHaveModifiers(node)) return false
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword) ?? false
}

/** A test that is left out or alone hides the others; what cannot run here says so through `test/support/needs.ts`. */
export const noTestIsLeftOutOrAlone: Rule = (files) =>
  files
    .filter((file) => file.path.endsWith('.test.ts'))
    .flatMap((file) =>
      [...nodesOf(file)]
        .filter(isExclusion)
        .map((node) => `${file.path}:${lineOf(node)} ${node.getText()}: run it or delete it.`),
    )

function isExclusion(node: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(node) || !['only', 'skip', 'todo', 'fails'].includes(node.name.text)) return false
  return /^(it|test|describe|suite)(\.\w+)*$/.test(node.expression.getText())
}
