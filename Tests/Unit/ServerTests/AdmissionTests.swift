import Server
import Testing

@Suite struct AdmissionTests {
  @Test func takesAsManyAsItsLimit() {
    let admission = Admission(limit: 2)
    #expect(admission.enter())
    #expect(admission.enter())
    #expect(!admission.enter(), "one too many")
    #expect(admission.count == 3, "which is counted until it has gone")
    admission.leave()
    #expect(!admission.enter(), "still full")
    admission.leave()
    admission.leave()
    #expect(admission.count == 1)
    #expect(admission.enter())
  }

  @Test func zeroIsNoLimit() {
    let admission = Admission(limit: 0)
    for _ in 0..<10_000 { #expect(admission.enter()) }
    #expect(admission.count == 10_000)
  }

  @Test func manyThreadsTakeExactlyTheLimit() async {
    let admission = Admission(limit: 500)
    let admitted = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { (0..<200).count { _ in admission.enter() } } }
      return await group.reduce(0, +)
    }
    #expect(admitted == 500)
    #expect(admission.count == 1600)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<200 { admission.leave() } } }
    }
    #expect(admission.count == 0)
  }
}
