import Redis
import Testing

struct RedisErrorTests {
  @Test(arguments: [
    ("NOSCRIPT No matching script. Please use EVAL.", RedisError.Code.noScript),
    ("READONLY You can't write against a read only replica.", .readOnly),
    ("LOADING Redis is loading the dataset in memory", .loading),
    ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", .masterDown),
    ("OOM command not allowed when used memory > 'maxmemory'.", .outOfMemory),
    ("NOAUTH Authentication required.", .noAuth),
    ("NOPERM this user has no permissions to run the 'get' command", .noPermission),
    ("WRONGPASS invalid username-password pair or user is disabled.", .wrongPassword),
    ("NOREPLICAS Not enough good replicas to write.", .noReplicas),
    ("MOVED 15495 10.0.0.2:6379", .moved),
    ("ASK 15495 10.0.0.2:6379", .ask),
    ("TRYAGAIN Multiple keys request during rehashing of slot", .tryAgain),
    ("CLUSTERDOWN The cluster is down", .clusterDown),
    ("CROSSSLOT Keys in request don't hash to the same slot", .crossSlot),
    ("ERR unknown command", .other),
    ("READONLYX", .other),
    ("readonly", .other),
    ("", .other),
    (" ", .other),
    // As Redis 6.2 tells of a command that failed inside a script.
    (
      "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed when used memory",
      .outOfMemory
    ),
    ("ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write.", .readOnly),
    ("ERR Error running script (call to f_1): @user_script:1: - -x attempt to index", .other),
    ("ERR the user wrote -OOM", .other),
  ])
  func knowsTheCode(message: String, code: RedisError.Code) {
    let error = RedisError(message)
    #expect(error.code == code)
    #expect(error.message == message)
    #expect(error.description == message)
  }
}
