import Cluster
import Testing

@Suite struct LoopSetTests {
  @Test func holdsWhatWasInserted() {
    var set = LoopSet()
    #expect(set.isEmpty)
    #expect(Array(set) == [])
    for loop in [5, 0, 63, 5] { set.insert(loop) }
    #expect(!set.isEmpty)
    #expect(Array(set) == [0, 5, 63], "in order, each once")
    #expect((0..<LoopSet.capacity).filter { set.contains($0) } == [0, 5, 63])
    set.remove(5)
    set.remove(6)
    #expect(Array(set) == [0, 63])
    set.remove(0)
    set.remove(63)
    #expect(set == LoopSet())
  }

  @Test func holdsAsManyAsAServerMayHave() {
    var set = LoopSet()
    for loop in 0..<LoopSet.capacity { set.insert(loop) }
    #expect(Array(set) == Array(0..<64))
    for loop in (0..<LoopSet.capacity).reversed() {
      #expect(set.contains(loop))
      set.remove(loop)
      #expect(!set.contains(loop))
    }
    #expect(set.isEmpty)
  }

  @Test func canBeWalkedMoreThanOnce() {
    let set = loops(1, 2)
    #expect(Array(set) == [1, 2])
    #expect(set == loops(2, 1))
    #expect(set != loops(1))
  }
}
