import Redis
import Testing

struct RedisCommandTests {
  @Test func countsItsArguments() {
    var command = RedisCommand("HSET", "key", "")
    #expect(command.count == 3)
    #expect(command.byteCount == 7)
    command.arg(Int.min)
    command.arg([1, 2])
    #expect(command.count == 5)
    #expect(command.byteCount == 29)
  }

  @Test func tellsArgumentsApart() {
    #expect(RedisCommand("GET", "ab", "c") != RedisCommand("GET", "a", "bc"))
    #expect(RedisCommand("GET", "ab") == RedisCommand("GET", "ab"))
  }
}
