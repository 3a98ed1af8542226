import Broker
import Redis
import Testing

/// By what nodes tell whether they have the same list of Redis.
@Suite struct LayoutTests {
  private func text(_ urls: String...) throws -> String {
    Layout(0, of: try urls.map { try RedisTarget($0) }).text
  }

  @Test func otherSentinelsAreNoOtherList() throws {
    let text = try text("redis+sentinel://a,b,c/one", "redis+sentinel://a,b,c/two/1")
    #expect(try self.text("redis+sentinel://a,b,d/one", "rediss+sentinel://:x@e:1,f/two/1?sentinel-password=y") == text)
    #expect(try self.text("redis+sentinel://a,b,c/two/1", "redis+sentinel://a,b,c/one") != text)
    #expect(try self.text("redis+sentinel://a,b,c/one", "redis+sentinel://a,b,c/two") != text)
    #expect(try self.text("redis+sentinel://a,b,c/one", "redis+sentinel://a,b,c/three/1") != text)
  }

  @Test func aPrimaryOfThatNameIsNoHostOfThatName() throws {
    #expect(try text("redis://a", "redis+sentinel://s/b") != text("redis://a", "redis://b"))
    #expect(try text("redis://a", "redis+sentinel://s/b:6379") != text("redis://a", "redis://b"))
    #expect(try text("redis://a", "redis+sentinel://s/%2Frun%2Fr.sock") != text("redis://a", "unix:///run/r.sock"))
  }

  @Test func theLoginIsNoPartOfTheList() throws {
    #expect(try text("redis://a", "redis://b/1") == text("redis://x:y@a:6379", "rediss://:z@b/1?server-name=c"))
    #expect(try text("redis://a", "redis://b/1") != text("redis://a", "redis://b"))
  }
}
