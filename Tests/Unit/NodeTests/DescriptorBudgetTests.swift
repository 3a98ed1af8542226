import Testing

@testable import Node

@Suite struct DescriptorBudgetTests {
  @Test func theRoomIsWhatIsLeft() {
    #expect(DescriptorBudget(limit: 1024, open: 20, hasBackend: false).room == 972)
    #expect(DescriptorBudget(limit: 1024, open: 20, hasBackend: true).room == 908)
    #expect(DescriptorBudget(limit: 10, open: 20, hasBackend: true).room == 0)
  }

  @Test func tooLittleRoomIsAnErrorThatSaysWhatToDo() throws {
    #expect(try DescriptorBudget(limit: 68, open: 20, hasBackend: false).validated().room == 16)
    let error = #expect(throws: ConfigurationError.self) {
      try DescriptorBudget(limit: 67, open: 20, hasBackend: false).validated()
    }
    #expect(error?.description.contains("ulimit -n 1052") == true, "\(String(describing: error))")
  }

  @Test func moreConnectionsThanThereIsRoomForAreWarnedOf() {
    let budget = DescriptorBudget(limit: 1024, open: 20, hasBackend: false)
    #expect(budget.warning(maxConnections: 972) == nil)
    #expect(budget.warning(maxConnections: 0) == nil)
    #expect(budget.warning(maxConnections: 973)?.contains("972") == true)
  }
}
