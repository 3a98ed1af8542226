/// One finished frame from server to client: a header, and a payload that may be shared by all the frames it goes out in.
///
/// The header lies in the value itself, so that a frame of bytes that are there already costs no allocation.
/// `@unchecked Sendable`: nothing changes the payload once the frame is made.
/// Public and inlinable where it is read for every listener: calls into another module cost a fan-out a tenth.
public struct Frame: @unchecked Sendable {
  /// Keeps the payload alive.
  @usableFromInline let owner: AnyObject
  /// Memory of `owner`.
  @usableFromInline let payload: UnsafeRawBufferPointer
  public private(set) var header = Header()
  @usableFromInline let headerSize: UInt8

  /// Room for the longest header of an unmasked frame, which has 10 bytes.
  public struct Header: Equatable, Sendable {
    private var first: UInt64 = 0
    private var rest: UInt16 = 0
  }

  /// A frame of bytes that live as long as `owner` and never change.
  package init(_ opcode: Opcode, payload: UnsafeRawBufferPointer, of owner: AnyObject) {
    self.init(opcode, payload, of: owner, reserved: 0)
  }

  /// The same with `reserved`, the reserved bits where the first byte has them.
  init(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer, of owner: AnyObject, reserved: UInt8) {
    precondition(!opcode.isControl || payload.count <= Opcode.maxControlPayload, "control frame is too long")
    self.owner = owner
    self.payload = payload
    headerSize = UInt8(FrameEncoder.headerCount(for: payload.count))
    withUnsafeMutableBytes(of: &header) { bytes in
      guard let base = bytes.baseAddress else { return }
      FrameEncoder.writeHeader(opcode, payloadCount: payload.count, to: base)
      bytes[0] |= reserved
    }
  }

  /// Bytes without a header: what goes out before the first frame.
  package init(unframed bytes: [UInt8]) {
    let copy = bytes.withUnsafeBytes(Payload.copy)
    owner = copy
    payload = copy.bytes
    headerSize = 0
  }

  /// Whether both are the same frame of the very same payload, not only of an equal one.
  package func isSame(as other: Frame) -> Bool {
    owner === other.owner && payload.baseAddress == other.payload.baseAddress && header == other.header
  }

  /// Header and payload together, in bytes.
  @inlinable public var count: Int { headerCount + payload.count }
  @inlinable public var headerCount: Int { Int(headerSize) }
  @inlinable public var payloadCount: Int { payload.count }
  /// What the payload is; nil without a header.
  package var opcode: Opcode? {
    headerCount == 0 ? nil : withHeader { $0.first.flatMap { Opcode(rawValue: $0 & 0x0F) } }
  }

  /// Writes header and payload to `pointer`, which has room for `count` bytes.
  @inlinable
  public func copy(to pointer: UnsafeMutableRawPointer) {
    defer { extendLifetime(owner) }
    withUnsafeBytes(of: header) { bytes in
      if let base = bytes.baseAddress { pointer.copyMemory(from: base, byteCount: headerCount) }
    }
    if let base = payload.baseAddress { (pointer + headerCount).copyMemory(from: base, byteCount: payload.count) }
  }

  /// Lends the header.
  @inlinable
  public func withHeader<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeBytes(of: header) { body(UnsafeRawBufferPointer(rebasing: $0[..<headerCount])) }
  }

  /// Lends the payload.
  @inlinable
  public func withPayload<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    defer { extendLifetime(owner) }
    return body(payload)
  }
}

/// The payload of a frame that has it for itself: one allocation.
final class Payload: ManagedBuffer<Int, UInt8> {
  static func copy(_ bytes: UnsafeRawBufferPointer) -> Payload {
    let payload = unsafeDowncast(Payload.create(minimumCapacity: bytes.count) { _ in bytes.count }, to: Payload.self)
    payload.withUnsafeMutablePointerToElements { elements in
      UnsafeMutableRawBufferPointer(start: elements, count: bytes.count).copyMemory(from: bytes)
    }
    return payload
  }

  /// At the end of this object's own memory: valid while it lives.
  var bytes: UnsafeRawBufferPointer {
    withUnsafeMutablePointers { UnsafeRawBufferPointer(start: $1, count: $0.pointee) }
  }
}
