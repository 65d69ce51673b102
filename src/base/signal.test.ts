import { describe, expect, it, vi } from 'vitest'
import { signal } from './signal.ts'

describe('a signal', () => {
  it('tells each listener the value, in the order they came', () => {
    const heard: string[] = []
    const published = signal<number>()
    published.subscribe((value) => heard.push(`a${value}`))
    published.subscribe((value) => heard.push(`b${value}`))
    published.notify(1)
    expect(heard).toEqual(['a1', 'b1'])
  })

  it('removes only the subscription that leaves, also while telling', () => {
    const heard: string[] = []
    const published = signal()
    const listener = () => heard.push('twice')
    const leave = published.subscribe(() => {
      heard.push('once')
      leave()
    })
    published.subscribe(listener)
    const leaveSecond = published.subscribe(listener)
    published.notify()
    leaveSecond()
    leaveSecond()
    published.notify()
    expect(heard).toEqual(['once', 'twice', 'twice', 'twice'])
  })

  it('spares the notifier and the other listeners a listener that throws', () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const heard: string[] = []
    const published = signal()
    published.subscribe(() => {
      throw new Error('listener broke')
    })
    published.subscribe(() => heard.push('second'))
    published.notify()
    expect(heard).toEqual(['second'])
    expect(warned).toHaveBeenCalledWith(expect.objectContaining({ message: 'listener broke' }))
    warned.mockRestore()
  })
})
