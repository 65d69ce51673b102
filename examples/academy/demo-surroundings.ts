/** What the demo is given by the command that runs it. */
import type { Channel } from './demo-channel.ts'

/** One variant's databases: a role's URL for its service, the owner's for whoever checks. */
export interface DemoDatabases {
  url(service: string): string
}

/** The source of chance. */
export interface DemoChance {
  next(): number
  int(lessThan: number): number
  pick<T>(from: readonly T[]): T
}

/** Time, chance, databases and channels of a demo. */
export interface DemoSurroundings {
  readonly scheduler: {
    sleep(ms: number): Promise<void>
    task(name: string, round: () => Promise<number | 'idle'>): { wake(): void; stop(): Promise<void> }
    stop(): Promise<void>
  }
  /** Draws faults and delays. */
  readonly random: DemoChance
  /** Draws what learners do, so that the same seed gives the same learners. */
  readonly learners: DemoChance
  readonly now: () => Date
  readonly naive: DemoDatabases
  /** Made when the page is served already: nobody should wait for sixteen databases to see the first eight. */
  readonly cured: () => Promise<DemoDatabases>
  /** A channel in memory for the messages of one service. */
  readonly channelOf: (service: string) => Channel
}
