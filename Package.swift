// swift-tools-version: 6.2
import PackageDescription

/// One folder per module under `Sources/`; a module imports only modules that stand above it here.
/// `docs/architecture.md` says what each one is for.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "apus",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "apus", targets: ["apus"]),
    .library(name: "ApusClient", targets: ["ApusClient"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
  ],
  targets: [
    // C: what Swift cannot import by itself.
    .systemLibrary(name: "Clibhiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
    .target(name: "CHiredis", dependencies: ["Clibhiredis"]),
    .target(name: "CReactor"),
    .target(name: "CTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),

    // No I/O: values in, values out.
    .target(name: "Locks", swiftSettings: strict),
    .target(name: "Model", swiftSettings: strict),
    .target(name: "JSON", dependencies: ["Model"], swiftSettings: strict),
    .target(
      name: "WebSocket",
      dependencies: ["CZlib", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: strict),
    .target(name: "Protocol", dependencies: ["Model", "JSON", "WebSocket"], swiftSettings: strict),
    .target(name: "Cluster", dependencies: ["Model"], swiftSettings: strict),
    .target(name: "Hub", dependencies: ["Model", "Cluster"], swiftSettings: strict),

    .target(
      name: "CPages", path: "Web/served", sources: ["CPages.c"], publicHeadersPath: "include",
      cSettings: [.headerSearchPath("."), .headerSearchPath("..")]),
    .target(
      name: "Pages", dependencies: ["CPages", "CZlib", .product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: strict),

    // I/O: thin shells that act.
    .target(
      name: "Reactor",
      dependencies: [
        "CReactor", "Locks", "Model", .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .target(name: "TLS", dependencies: ["CTLS", "Locks", "Reactor"], swiftSettings: strict),
    .target(
      name: "Tokens",
      dependencies: [
        "Locks", "Model", "JSON", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "JWTKit", package: "jwt-kit"),
      ],
      swiftSettings: strict),
    .target(
      name: "Redis",
      dependencies: [
        "CHiredis", "Reactor", "TLS", .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .target(
      name: "Broker",
      dependencies: [
        "Model", "JSON", "Protocol", "Cluster", "Reactor", "TLS", "Redis",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      resources: [.embedInCode("Redis/Lua")],
      swiftSettings: strict),
    .target(
      name: "Server",
      dependencies: [
        "Locks", "Model", "JSON", "WebSocket", "Protocol", "Cluster", "Hub", "Reactor",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .target(
      name: "Node",
      dependencies: [
        "Locks", "Model", "JSON", "WebSocket", "Protocol", "Cluster", "Hub", "Reactor", "TLS", "Tokens", "Redis",
        "Broker", "Server", "Pages",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: strict),

    // What people run and import.
    .target(
      name: "ApusClient",
      dependencies: [
        "Locks", "Model", "JSON", "WebSocket", "Protocol", "Reactor", "TLS",
        .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: strict),
    .target(
      name: "Bench",
      dependencies: [
        "JSON", "Protocol", "Reactor", "ApusClient", .product(name: "Histogram", package: "hdrhistogram-swift"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "apus",
      dependencies: [
        "Locks", "Model", "JSON", "Cluster", "Reactor", "TLS", "Tokens", "Redis", "Broker", "Node", "ApusClient",
        "Bench",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),

    // One test target per module; the brokers have a suite of their own, with a real Redis.
    .target(name: "TestSupport", dependencies: ["Model", "JSON"], path: "Tests/Support/Values", swiftSettings: strict),
    .target(
      name: "LoopTestSupport", dependencies: ["Locks", "Reactor"], path: "Tests/Support/Loops", swiftSettings: strict),
    .testTarget(
      name: "LocksTests", dependencies: ["LoopTestSupport", "Locks"],
      path: "Tests/Unit/LocksTests", swiftSettings: strict),
    .testTarget(
      name: "JSONTests", dependencies: ["TestSupport", "JSON"],
      path: "Tests/Unit/JSONTests", swiftSettings: strict),
    .testTarget(
      name: "ModelTests", dependencies: ["TestSupport", "Model"],
      path: "Tests/Unit/ModelTests", swiftSettings: strict),
    .testTarget(
      name: "WebSocketTests", dependencies: ["TestSupport", "WebSocket"],
      path: "Tests/Unit/WebSocketTests", swiftSettings: strict),
    .testTarget(
      name: "ProtocolTests", dependencies: ["TestSupport", "Model", "JSON", "WebSocket", "Protocol"],
      path: "Tests/Unit/ProtocolTests", swiftSettings: strict),
    .testTarget(
      name: "TokensTests",
      dependencies: [
        "TestSupport", "Model", "Tokens", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "JWTKit", package: "jwt-kit"),
      ],
      path: "Tests/Unit/TokensTests", swiftSettings: strict),
    .testTarget(
      name: "HubTests", dependencies: ["TestSupport", "Model", "Cluster", "Hub"],
      path: "Tests/Unit/HubTests", swiftSettings: strict),
    .testTarget(
      name: "ReactorTests",
      dependencies: [
        "TestSupport", "LoopTestSupport", "Locks", "Model", "Reactor",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/Unit/ReactorTests", swiftSettings: strict),
    .testTarget(
      name: "RedisTests",
      dependencies: ["LoopTestSupport", "Reactor", "Redis", "TLS", .product(name: "Logging", package: "swift-log")],
      path: "Tests/Unit/RedisTests", swiftSettings: strict),
    .testTarget(
      name: "BrokerMachineTests", dependencies: ["TestSupport", "Model", "JSON", "Cluster", "Redis", "Broker"],
      path: "Tests/Unit/BrokerMachineTests", swiftSettings: strict),
    .testTarget(
      name: "ServerTests",
      dependencies: [
        "TestSupport", "LoopTestSupport", "Locks", "Model", "WebSocket", "Protocol", "Hub", "Reactor", "Server",
      ],
      path: "Tests/Unit/ServerTests", swiftSettings: strict),
    .testTarget(
      name: "ApusClientTests",
      dependencies: [
        "TestSupport", "Locks", "Model", "WebSocket", "Protocol", "Hub", "Reactor", "Broker", "Server", "ApusClient",
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/Unit/ApusClientTests", swiftSettings: strict),
    .testTarget(
      name: "BenchTests", dependencies: ["TestSupport", "Reactor", "ApusClient", "Bench"],
      path: "Tests/Unit/BenchTests", swiftSettings: strict),
    .testTarget(
      name: "NodeTests",
      dependencies: [
        "TestSupport", "Locks", "Model", "JSON", "Cluster", "Hub", "Reactor", "Redis", "Server", "Node", "Bench",
        "apus",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/Unit/NodeTests", swiftSettings: strict),
    .testTarget(
      name: "BrokerTests",
      dependencies: [
        "TestSupport", "Locks", "Model", "JSON", "Protocol", "Cluster", "Hub", "Reactor", "TLS", "Redis", "Broker",
        "Server", "ApusClient", .product(name: "Logging", package: "swift-log"),
      ],
      path: "Tests/Broker", swiftSettings: strict),
  ]
)

// For the thread sanitizer (`Tests/Threads`), under which all is slow: without what runs on no loop, and without the suites
// that hold only values.
if Context.environment["APUS_LOOPS_ONLY"] != nil {
  let others: Set = [
    "Pages", "Tokens", "Node", "apus", "JSONTests", "ModelTests", "WebSocketTests", "ProtocolTests", "TokensTests",
    "HubTests", "BrokerMachineTests", "NodeTests",
  ]
  package.targets.removeAll { others.contains($0.name) }
  package.products.removeAll { others.contains($0.name) }
}
