/// Who publishes the `n`-th message, and where, without I/O.
///
/// Publishers take turns. With more channels than publishers each channel has one publisher, who goes over its channels
/// in turn; with fewer each publisher has one channel. So a listener hears of few publishers, and each of them in order.
struct Assignment {
  let publishers: Int
  let channels: Int

  func publisher(of number: Int) -> Int { number % publishers }

  func channel(of number: Int) -> Int {
    let publisher = publisher(of: number)
    guard publishers < channels else { return publisher % channels }
    let own = channels / publishers + (publisher < channels % publishers ? 1 : 0)
    return publisher + publishers * (number / publishers % own)
  }

  /// How many publishers one channel has at most.
  var publishersPerChannel: Int { (publishers + channels - 1) / channels }

  /// Which of its channel's publishers the message's is.
  func place(of number: Int) -> Int { publisher(of: number) / channels }
}
