@testable import Broker
import Testing

@Suite struct CooldownTests {
  @Test func isOverBeforeTheFirstTime() {
    var cooldown = Cooldown()
    #expect(cooldown.isOver(after: 1000, now: .min / 2))
    cooldown.start(now: 50)
    #expect(!cooldown.isOver(after: 100, now: 149))
    #expect(cooldown.isOver(after: 100, now: 150))
  }

  @Test func restartsOnlyWhenItIsOver() {
    var cooldown = Cooldown()
    let times = [0, 99, 100, 150, 200].filter { cooldown.restart(after: 100, now: $0) }
    #expect(times == [0, 100, 200])
  }
}
