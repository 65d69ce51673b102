/** The syntax of a file, by the TypeScript compiler: what it imports, and every node with its line. */
import { posix } from 'node:path'
import ts from 'typescript'
import type { ProjectFile } from './project-files.ts'

/** One import, export-from or dynamic import. */
export interface Import {
  readonly specifier: string
  /** Whether anything of it is left at run time. */
  readonly isValue: boolean
  readonly isDynamic: boolean
  readonly line: number
  /** The path inside the project, for relative specifiers. */
  readonly target: string | undefined
}

const parsed = new WeakMap<ProjectFile, ts.SourceFile>()

/** The syntax tree of a file, parsed once however many rules ask. */
export function syntaxOf(file: ProjectFile): ts.SourceFile {
  const known = parsed.get(file)
  if (known !== undefined) return known
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS)
  parsed.set(file, tree)
  return tree
}

/** Every node of a file, outermost first. */
export function* nodesOf(file: ProjectFile): Generator<ts.Node> {
  const waiting: ts.Node[] = [syntaxOf(file)]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    yield node
    ts.forEachChild(node, (child) => void waiting.push(child))
  }
}

/** The line a node starts on, from 1. */
export function lineOf(node: ts.Node): number {
  const tree = node.getSourceFile()
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

/** How many lines a node covers, its leading comment not counted. */
export function heightOf(node: ts.Node): number {
  const tree = node.getSourceFile()
  return tree.getLineAndCharacterOfPosition(node.getEnd()).line + 2 - lineOf(node)
}

/** Every import of a file. */
export function importsOf(file: ProjectFile): Import[] {
  const found: Import[] = []
  for (const node of nodesOf(file)) {
    const from = importedFrom(node)
    if (from === undefined) continue
    const { specifier } = from
    const target = specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined
    found.push({ ...from, line: lineOf(node), target })
  }
  return found
}

function importedFrom(node: ts.Node): { specifier: string; isValue: boolean; isDynamic: boolean } | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, isValue: !isTypeOnly(node.importClause), isDynamic: false }
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, isValue: !node.isTypeOnly, isDynamic: false }
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) {
      return { specifier: specifier.text, isValue: true, isDynamic: true }
    }
  }
  return undefined
}

/** With `verbatimModuleSyntax` an import without clause, or with any value in it, stays in the output. */
function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const named = clause.namedBindings
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly)
}
